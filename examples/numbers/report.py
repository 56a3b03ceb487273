"""Says what it runs on, and adds up a few numbers: the smallest project that shows a lean image."""

import sys

import numpy as np
import pandas as pd


def main() -> None:
    sales = pd.DataFrame({"region": ["north", "south", "north"], "amount": np.array([3, 4, 5])})
    print(f"Python {sys.version.split()[0]}, numpy {np.__version__}, pandas {pd.__version__}")
    print(sales.groupby("region")["amount"].sum().to_string())


if __name__ == "__main__":
    main()
