"""Classes that older files name otherwise."""

import keras

#: Name in older files: name of today. Keras finds the weights of a layer in a file by the name of
#: its class, so this is enough only for classes without weights of their own.
RENAMED = {
    "EachMember": "PerMemberLoss",
    "MembersMean": "EnsembleMean",
    "TargetUnits": "Denormalization",
}


def accept_old_names():
    """Lets Keras load the classes that are imported by now by their old names, too."""
    classes = keras.saving.get_custom_objects()
    for old, new in RENAMED.items():
        if f"zoo>{new}" in classes:
            classes[f"zoo>{old}"] = classes[f"zoo>{new}"]
