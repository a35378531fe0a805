# Two commands do all the set-up on a fresh Debian or Ubuntu machine: `make demo` and `make test`.
#
# A ROS counts as sourced when the system's python3 imports rclpy; then that one is used.
# Otherwise the real ROS 2 wheels of the package index are installed, of jazzy unless ROS_DISTRO
# says kilted.

PYTHON ?= python3
# An activated virtual environment is not the system: its rclpy does not count.
SOURCED := $(shell $(PYTHON) -c 'import sys, rclpy; sys.exit(sys.prefix != sys.base_prefix)' 2>/dev/null && echo yes)
ROS_DISTRO ?= jazzy

JAZZY := ros-rclpy[fastrtps]==7.1.6 ros-sensor-msgs==5.3.6 ros-std-msgs==5.3.6 ros-stereo-msgs==5.3.6 ros-diagnostic-msgs==5.3.6 ros-lifecycle-msgs==2.0.3
KILTED := ros-rclpy[fastrtps]==9.1.2 ros-sensor-msgs==5.5.1 ros-std-msgs==5.5.1 ros-stereo-msgs==5.5.1 ros-diagnostic-msgs==5.5.1 ros-lifecycle-msgs==2.3.0

ifeq ($(SOURCED),yes)
  VENV := .venv-sourced-$(ROS_DISTRO)
  VENV_OPTIONS := --system-site-packages
else ifeq ($(ROS_DISTRO),jazzy)
  VENV := .venv
  ROS_WHEELS := $(JAZZY)
else ifeq ($(ROS_DISTRO),kilted)
  VENV := .venv-kilted
  ROS_WHEELS := $(KILTED)
else
  $(error ROS_DISTRO is '$(ROS_DISTRO)': there are ROS 2 wheels for jazzy and kilted only. Choose one of them, or source a ROS whose python3 imports rclpy)
endif

READY := $(VENV)/.ready
BIN := $(VENV)/bin
NUMPY1 := .venv-numpy1
# Tests of the nodes wait for each other's messages more than they compute. Slow ones have the
# machine for themselves.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: demo test test-all lint clean

demo: $(READY)
	$(BIN)/python -m demo $(if $(BAG),--bag '$(BAG)') $(if $(LEFT),--left '$(LEFT)') $(if $(RIGHT),--right '$(RIGHT)')

test: $(READY) lint
	$(PYTEST) -m 'not slow'

test-all: $(READY) $(NUMPY1)/.ready lint
	$(PYTEST) -m 'not slow'
	$(BIN)/python -m pytest -m slow
	$(NUMPY1)/bin/python -m pytest test/core test/test_six_cameras.py

lint: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/codespell *.md docs config monodepth_ros trainer demo bench test

$(READY): constraints.txt setup.py Makefile
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"got Python {v[0]}.{v[1]}, expected 3.11 to 3.13; set PYTHON=python3.12, say")'
	$(PYTHON) -m venv --clear $(VENV_OPTIONS) $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt setuptools torch==2.13.0
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[train,pretrained,dev]' $(ROS_WHEELS)
	touch $@

# Robots carry NumPy 1 and OpenCV 4: the core must run on them too.
$(NUMPY1)/.ready: Makefile
	$(PYTHON) -m venv --clear $(NUMPY1)
	$(NUMPY1)/bin/python -m pip install --disable-pip-version-check numpy==1.26.4 opencv-python-headless==4.11.0.86 pytest==9.2.0 hypothesis==6.170.15
	touch $@

clean:
	rm -rf .venv .venv-* out build install log
