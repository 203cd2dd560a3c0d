"""The parts of tools/analysis/benchmark.py. `serve`, `memory` and `peer_*` also run in the peers' environment."""
