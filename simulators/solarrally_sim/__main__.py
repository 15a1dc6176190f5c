"""`python -m solarrally_sim` is the same as `solarrally-sim`."""

from solarrally_sim.cli import main

if __name__ == "__main__":
    main()
