"""The parts of tools/dev/benchmark.py. `serve`, `memory` and `peer_*` also run in the peers' environment."""
