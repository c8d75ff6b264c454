# The two commands of the README, and what goes with them. Each works without `just` as well.

# Runs all that a change must pass.
check:
    .ci/run

# Shows the main job, from the build to the last pull.
tour:
    cargo xtask tour

# Runs all tests, with real registries and clients where they can be had.
test:
    cargo xtask test

# Measures start, size, speed and memory.
bench *names:
    cargo xtask bench {{names}}

# Formats everything.
fmt:
    cargo fmt --all
