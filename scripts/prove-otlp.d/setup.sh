# Sets up what the proofs against a real collector need in target/otlp-proof, and names it in $venv: Rotel
# and OpenTelemetry's own Python packages. To be sourced in the repository's root.
venv=target/otlp-proof
packages="rotel==0.0.1a15 opentelemetry-proto==1.45.2 protobuf==7.36.2 grpcio==1.85.1"
if [ "$(cat "$venv/packages" 2>/dev/null)" != "$packages" ]; then
    python3 -m venv --clear "$venv" || {
        echo "$0: needs Python 3 with venv (Debian: python3-venv)" >&2
        exit 2
    }
    # shellcheck disable=SC2086 # several words
    "$venv/bin/pip" install --quiet --disable-pip-version-check $packages
    echo "$packages" >"$venv/packages"
fi
