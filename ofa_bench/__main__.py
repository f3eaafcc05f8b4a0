"""``python -m ofa_bench``: run one cell, or with ``-m`` a sweep of them."""

from ofa_bench.app import main

if __name__ == "__main__":
    main()
