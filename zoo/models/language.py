"""What all language models share: ids in, logits of the next id out."""

from keras import Input, layers


def token_ids():
    """The input of a language model: ids, `(batch, time)`."""
    return Input((None,), dtype="int32", name="ids")


def token_embedding(vocabulary_size, embedding_dim, tie_embeddings=False):
    """An embedding; one that can be called in reverse, if the head is to share its weights."""
    kind = layers.ReversibleEmbedding if tie_embeddings else layers.Embedding
    arguments = {"reverse_dtype": "float32"} if tie_embeddings else {}
    return kind(vocabulary_size, embedding_dim, name="embedding", **arguments)


def next_token_logits(x, vocabulary_size, tied_to=None):
    """The head: logits of the next id at every step, float32 whatever the policy.

    It is a dense layer, or the embedding `tied_to` in reverse, on the same weights. Channels of
    another size than the embedding's are projected first.
    """
    if tied_to is None:
        return layers.Dense(vocabulary_size, dtype="float32", name="head")(x)
    if x.shape[-1] != tied_to.output_dim:
        x = layers.Dense(tied_to.output_dim, name="projection")(x)
    x = tied_to(x, reverse=True)
    return layers.Activation("linear", dtype="float32", name="head")(x)
