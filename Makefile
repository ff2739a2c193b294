# rt: see README.md. What needs more than Go and make installs it with apt: tests/needs.
GO      ?= go
VERSION ?= $(shell cat VERSION)
COMMIT  ?= $(shell git rev-parse --short HEAD 2>/dev/null)
PREFIX  ?= /usr/local
SYSCONFDIR ?= /etc
# fish looks into the vendor directory of /usr alone, and into /etc.
FISHDIR ?= $(if $(filter /usr,$(PREFIX)),$(PREFIX)/share/fish/vendor_completions.d,$(SYSCONFDIR)/fish/completions)
DESTDIR ?=
MAINTAINER ?= The rt authors <rt@localhost>
# -E: the Go runtime is asked for one processor: entry.go. -funcalign: rt has no loop that is worth the padding of 32,
# which is 70 kB of text, and some page faults.
LDFLAGS := -s -w -E main.entry -funcalign=16 -X rt/cli.version=$(VERSION) -X rt/cli.commit=$(COMMIT)
# Without text/template, which urfave/cli needs for help of other shapes than its own, rt is 1.1 MB smaller.
TAGS    := urfave_cli_no_template
# The collector of Go 1.26 writes to the end of each span of small objects when it is made: 20 page faults more in every
# start of rt, which ends before anything is collected. A Go that can't do without it builds rt all the same.
EXPERIMENT := $(shell GOEXPERIMENT=nogreenteagc $(GO) version >/dev/null 2>&1 && echo nogreenteagc)
BUILD   := CGO_ENABLED=0 GOEXPERIMENT=$(EXPERIMENT) $(GO) build -trimpath -buildvcs=false -tags $(TAGS) -ldflags '$(LDFLAGS)'
RT      ?= rt

.PHONY: build rt rt-arm64 demo test unit lint fuzz bats mutants soak machines conformance man golden rename bench bench-json bench-seccomp bench-engines engines engines-native engines-newest kubernetes install deb release clean

build: rt

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

rt: ## the static binary
	$(BUILD) -o $(RT) .

rt-arm64: ## the same for arm64
	GOARCH=arm64 $(BUILD) -o rt-arm64 .

demo: rt ## make a bundle and run it
	tests/demo

test: rt ## everything that must pass
	tests/run

unit: ## tests without root
	$(GO) test ./...
	cd tests/packaging && $(GO) test ./...
	cd tests/library && $(GO) test ./...

bats: rt ## black-box tests of ./rt, as root and as an ordinary user
	tests/needs bats jq busybox-static uidmap strace iproute2 attr dosfstools
	tests/bats/run

mutants: ## every step of every plan and every defence taken out, and who notices; as root, some minutes: docs/proof.md
	tests/needs busybox-static
	mkdir -p build
	CGO_ENABLED=0 $(GO) run ./tests/mutants -attacks -report build/mutants.md

soak: rt ## thousands of containers, of commands that are killed and that lack something, and what they leave; as root: CONTAINERS=10000 KILLS=1000 FAULTS=-1
	tests/needs busybox-static
	CGO_ENABLED=0 $(GO) run ./tests/soak -containers $(or $(CONTAINERS),2000) -kills $(or $(KILLS),1000) -faults $(or $(FAULTS),1000) -at-once 8

machines: ## kernels, systemd, cgroup modes, security modules, arm64, in virtual machines, as root; docs/machines.md: ROWS="sid arm64/cgroups"
	tests/vm/vm matrix $(ROWS); status=$$?; tests/vm/vm record && exit $$status

engines: ## container engines on rt, in a virtual machine, as root
	tests/vm/engines

engines-native: rt ## podman, buildah, containerd and docker of this machine's Debian on ./rt, as root, in namespaces of their own
	tests/engines/native

engines-newest: rt ## the newest containerd, BuildKit and Docker, built from their Go modules, on ./rt, as root, in namespaces of their own
	tests/engines/newest/run

kubernetes: rt ## Kubernetes on ./rt and on runc, as root, in namespaces of their own; docs/kubernetes.md: STAGES="critest cluster nodes"
	tests/kubernetes/run $(STAGES)

conformance: rt ## the validation programs of opencontainers/runtime-tools, as root
	tests/conformance/run

fuzz: ## a minute for every fuzz target
	tests/fuzz

lint: ## golangci-lint, shellcheck, licences, known vulnerabilities, wide lines, the form of commits
	tests/lint

golden: ## rewrite the golden files; read the diff
	$(GO) test ./libcontainer/plan ./spec ./cli ./docs -update

man: ## rewrite the man pages
	$(GO) generate ./man

rename: ## another path for the Go module: make rename MODULE=host/owner/rt
	tests/rename '$(MODULE)'

bench: rt ## compare rt with the floor, crun and runc
	tests/needs gcc libseccomp-dev busybox-static crun runc
	$(GO) run ./tests/bench -rt ./rt
	$(MAKE) --no-print-directory bench-seccomp bench-json

bench-engines: rt ## docker run, podman run and ctr run with rt, runc and crun, as root, in namespaces of their own
	tests/bench/engines/run

bench-seccomp: ## compare the seccomp compiler with libseccomp
	tests/needs gcc libc6-dev pkg-config libseccomp-dev
	tests/bench/seccompcold/compare

bench-json: ## the first decode of a config.json, with rt's decoder and with encoding/json
	tests/bench/jsoncold/compare

install: rt ## rt, its manual pages, completion for shells, and the drop-in that makes it known to Podman; DESTDIR and PREFIX as usual
	install -D -m 0755 rt $(DESTDIR)$(PREFIX)/bin/rt
	for page in man/*.8; do install -D -m 0644 $$page $(DESTDIR)$(PREFIX)/share/man/man8/$${page##*/} || exit; done
	install -d $(addprefix $(DESTDIR)$(PREFIX)/share/,bash-completion/completions zsh/site-functions) $(DESTDIR)$(FISHDIR)
	./rt completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/rt
	./rt completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_rt
	./rt completion fish >$(DESTDIR)$(FISHDIR)/rt.fish
	install -D -m 0644 packaging/containers/50-rt.conf $(DESTDIR)$(SYSCONFDIR)/containers/containers.conf.d/50-rt.conf
	sed -i 's|/usr/local|$(PREFIX)|' $(DESTDIR)$(SYSCONFDIR)/containers/containers.conf.d/50-rt.conf

deb: rt ## a package for Debian and Ubuntu, in build; MAINTAINER='Name <mail>' says who makes it
	rm -rf build/deb
	$(MAKE) --no-print-directory install DESTDIR=build/deb PREFIX=/usr
	packaging/debian/build build/deb '$(VERSION)' '$(MAINTAINER)'

release: ## binaries for amd64 and arm64, packages, SBOMs and checksums, in build/release; MAINTAINER='Name <mail>'
	packaging/release/build '$(VERSION)' '$(MAINTAINER)'

clean:
	rm -rf rt rt-arm64 build
