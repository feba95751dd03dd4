# The two commands of the README, and what they stand on. `make help` lists them.

ORT_VERSION ?= 1.32.0
MODEL ?= models/city
MOSAIC ?=
MOSAIC_PATH = $(abspath $(firstword $(MOSAIC)))
STORE ?= $(if $(MOSAIC),demo/store-$(notdir $(patsubst %/,%,$(dir $(MOSAIC_PATH))))-$(notdir $(MOSAIC_PATH)),demo/store)
LISTEN ?= 127.0.0.1:8080
ORTHOTILE = target/release/orthotile
ORT_LIB = target/onnxruntime/libonnxruntime.so.$(ORT_VERSION)

.PHONY: help demo serve test check test-clients test-faults bench setup
help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: $(ORTHOTILE) ## segment the demo town (or MOSAIC=PATH), write GeoJSON, serve the map
	@tools/demo.sh "$(ORTHOTILE)" "$(MODEL)" "$(STORE)" "$(LISTEN)" $(MOSAIC)

serve: $(ORTHOTILE) ## serve the store of the demo again
	$(ORTHOTILE) serve --store "$(STORE)" --listen $(LISTEN)

test: setup ## every test
	cargo test --locked

check: setup ## formatting, lints and docs, as CI runs them
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

test-clients: $(ORTHOTILE) ## GDAL, QGIS and MapLibre against a running server
	tests/clients/run.sh $(ORTHOTILE) "$(STORE)"

test-faults: $(ORTHOTILE) ## kills, damage, full disks, slow clients, mutated inputs; then the table of docs/reliability.md
	tests/faults/run.py --orthotile $(ORTHOTILE) --into docs/reliability.md $(FAULTS)

bench: setup ## every bench
	cargo bench --locked

setup: ## installs what the build needs: GDAL, PROJ, clang, node from the system; ONNX Runtime from its wheel
	@tools/setup.sh $(ORT_VERSION)

$(ORTHOTILE): setup FORCE
	cargo build --release --locked
FORCE:
