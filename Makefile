# make demo     the main job on the embedded digits: ten networks into one, a table and a report
# make test     all tests          make check   format, lint, types
# make install  a .venv with limbeck and all a developer needs
# make bench    loop, start-up, killed runs, store, data larger than memory, equation 5, loss and step beside the
#               peers'; into results/
# make figures  the figures of README and docs, from results/

VENV := .venv
BIN := $(VENV)/bin
INSTALL := -m pip install --quiet --disable-pip-version-check -c constraints.txt
PIP := $(BIN)/python $(INSTALL)
PEERS := .venv-peers

.PHONY: demo test check install bench figures clean

demo: $(VENV)/.base
	OMP_NUM_THREADS=1 $(BIN)/limbeck run digits # nets this small are slower on several threads

test: $(VENV)/.dev
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/python docs/figures.py --check

install: $(VENV)/.dev

bench: $(VENV)/.dev $(PEERS)/.done
	$(BIN)/python benchmarks/loop.py
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/kills.py
	$(BIN)/python benchmarks/store.py
	$(BIN)/python benchmarks/combine.py
	$(PEERS)/bin/python benchmarks/loss.py
	$(PEERS)/bin/python benchmarks/student_step.py
	$(BIN)/python benchmarks/out_of_core.py

figures: $(VENV)/.base
	$(BIN)/python docs/figures.py

$(VENV)/bin/python:
	python3 -m venv $(VENV)

$(VENV)/.base: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[onnx]'
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) -e '.[dev]'
	touch $@

$(PEERS)/.done: pyproject.toml constraints.txt benchmarks/peers.txt
	python3 -m venv $(PEERS)
	$(PEERS)/bin/python $(INSTALL) -e . -r benchmarks/peers.txt
	touch $@

clean:
	rm -rf $(VENV) $(PEERS) runs
