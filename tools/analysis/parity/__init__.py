"""The parts of tools/analysis/parity.py. `weights` and `peer_*` also run in the peers' environment."""
