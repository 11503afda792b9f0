# Needs Go, git and make. Every tool beyond these is pinned in hack/tools and
# built into bin/ when it is first used.

BIN := $(CURDIR)/bin

# All modules of the repository, and those whose code is linted. The others only
# pin the versions of what a development cluster is built from.
MODULES        = $(patsubst %/,%,$(dir $(shell git ls-files --cached --others --exclude-standard -- go.mod '*/go.mod')))
LINTED_MODULES = . hack/tools hack/cluster

# Nothing is taken from the test cache: it does not know of the programs that tests start.
TEST_FLAGS = -json -count=1 -timeout 30m

# The race detector needs cgo, and cgo a C compiler; go env knows whether both are there.
RACE = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

# The development cluster to work on, and what its nodes are.
NAME  ?= dev
NODES ?= simulated:4

# The image of the operator, and the platforms it is for; none means that of this machine.
IMAGE     ?= soak-operator:dev
PLATFORMS ?=

# $(call in_modules,MODULES,COMMAND) runs a command in each module, in all of
# them even when it fails in one, and fails if it failed in any.
in_modules = status=0; for module in $(1); do echo "$$module:"; (cd $$module && $(2)) || status=1; done; exit $$status

# The work tree as a git tree, with what is not committed and without what is ignored.
snapshot = export GIT_INDEX_FILE=$(BIN)/.snapshot && rm -f $$GIT_INDEX_FILE && git add --all . && git write-tree

.DEFAULT_GOAL := help

##@ General

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN {FS = ":.*## "; print "Usage: make TARGET"} \
		/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: clean
clean: ## Stop all development clusters; remove them and all that was built.
	@if [ -d hack/cluster/.local ]; then go run -C hack/cluster ./cmd/cluster down --all; fi
	rm -rf bin hack/cluster/.local

##@ Code

.PHONY: generate
generate: $(BIN)/controller-gen ## Generate the Go code that the API types need (deep copies).
	@$(BIN)/controller-gen object:headerFile=hack/boilerplate.go.txt paths=./api/...

.PHONY: manifests
manifests: $(BIN)/controller-gen ## Generate the CRDs and the operator's rights from the code, into config and the chart.
	@rm -rf config/crd/bases config/rbac/role.yaml
	@$(BIN)/controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
	@$(BIN)/controller-gen rbac:roleName=soak-operator paths=./controllers/... paths=./cmd/manager/... output:rbac:dir=config/rbac
	@go run ./hack/chart

.PHONY: fmt
fmt: $(BIN)/golangci-lint ## Format the code of all modules.
	@$(BIN)/golangci-lint fmt

##@ Checks

.PHONY: lint
lint: $(BIN)/golangci-lint ## Check the code against the rules in .golangci.yml.
	@$(BIN)/golangci-lint config verify
	@$(call in_modules,$(LINTED_MODULES),$(BIN)/golangci-lint run)

.PHONY: verify
verify: $(BIN)/controller-gen ## Check that generated files and go.mod files are up to date; show what is not.
	@set -e; before=$$($(snapshot)); $(MAKE) --no-print-directory generate manifests; after=$$($(snapshot)); \
		git --no-pager diff --exit-code $$before $$after || \
		{ echo "Generated files were out of date. They have been regenerated, as shown above." >&2; exit 1; }
	@$(call in_modules,$(MODULES),go mod tidy -diff)

.PHONY: test
test: $(BIN)/gotestsum $(BIN)/helm-unittest ## Test all modules, and say at the end what was skipped and why.
	@$(if $(RACE),,echo "There is no C compiler: testing without the race detector.")
	@$(BIN)/gotestsum --format pkgname --format-hide-empty-pkg --raw-command -- sh -c 'status=0; \
		said=$$($(BIN)/helm-unittest charts/soak-operator 2>&1) || { echo "$$said" >&2; status=1; }; \
		go test $(TEST_FLAGS) $(RACE) -parallel 4 ./... || status=1; \
		go test -C hack/cluster $(TEST_FLAGS) ./... || status=1; \
		exit $$status'

##@ The operator on a cluster, that of KUBECONFIG

.PHONY: docker-build
docker-build: ## Build the image: IMAGE=soak-operator:dev PLATFORMS=linux/amd64,linux/arm64.
	@docker build --tag $(IMAGE) $(if $(PLATFORMS),--platform $(PLATFORMS)) .

.PHONY: install
install: ## Install the CRDs.
	@kubectl apply --server-side -k config/crd

.PHONY: deploy
deploy: ## Install all that is in config/default: IMAGE=soak-operator:dev.
	@kubectl kustomize config/default | sed 's|image: soak-operator:dev|image: $(IMAGE)|' | kubectl apply --server-side -f -

.PHONY: run
run: ## Run the operator as a process of this machine, beside those that wait to lead there.
	@kubectl apply --server-side -f config/rbac/namespace.yaml
	@go run ./cmd/manager --leader-election-namespace soak-operator

##@ Development cluster

.PHONY: demo
demo: ## Watch the operator at work on a cluster of its own: NODES=simulated:4; KEEP=1 leaves it running.
	@echo "Building the demo and the operator, which takes minutes the first time."
	@go build -o $(BIN)/demo ./hack/demo && $(BIN)/demo --nodes=$(NODES) $(if $(filter-out 0,$(KEEP)),--keep)

.PHONY: bench
bench: ## Measure the operator against a shell loop of helm and kubectl, on a cluster of its own: NODES=simulated:4.
	@go build -o $(BIN)/bench ./hack/bench && $(BIN)/bench --nodes=$(NODES)

.PHONY: cluster-up
cluster-up: ## Start a Kubernetes cluster on this machine: NAME=dev NODES=simulated:4.
	@go run -C hack/cluster ./cmd/cluster up --name $(NAME) --nodes $(NODES)

.PHONY: cluster-image
cluster-image: ## Give its real nodes an image of the operator, made without docker: NAME=dev IMAGE=soak-operator:dev.
	@CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o $(BIN)/image/manager ./cmd/manager
	@go run -C hack/cluster ./cmd/cluster image --name $(NAME) $(BIN)/image/manager $(IMAGE)

.PHONY: cluster-down
cluster-down: ## Stop it and remove it: NAME=dev.
	@go run -C hack/cluster ./cmd/cluster down --name $(NAME)

$(BIN)/%: hack/tools/go.mod hack/tools/go.sum $(wildcard hack/tools/*/*.go)
	@echo "Building $*, pinned in hack/tools so that all run the same version (once; golangci-lint takes minutes)"
	@go build -C hack/tools -o $@ $$(go list -C hack/tools tool | grep '/$*$$') && touch $@
