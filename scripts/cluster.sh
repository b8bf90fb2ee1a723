#!/usr/bin/env bash
# A cluster on this machine, with all that Kanarya runs on: KServe, Kubeflow Pipelines, MLflow.
#
#   scripts/cluster.sh up | test | down        KANARYA_CLUSTER=kind|minikube  KANARYA_MODE=knative|standard
#
# It needs docker, kubectl 1.27 or newer, kind or minikube, and 12 GB of memory. Versions are pinned
# here and nowhere else.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly KUBERNETES=v1.33.4 CERT_MANAGER=v1.17.0 KSERVE=v0.21.0 KFP=2.17.0
readonly KNATIVE=v1.21.1 KOURIER=v1.21.0 ENVOY_GATEWAY=v1.8.1
readonly NAME=kanarya TOOL=${KANARYA_CLUSTER:-kind} MODE=${KANARYA_MODE:-knative}
readonly HUB=https://github.com STORE_PORT=18333 KFP_PORT=18888
readonly BIN=$PWD/.venv/bin
export KUBECONFIG=${KANARYA_CLUSTER_KUBECONFIG:-$PWD/.kanarya/cluster/kubeconfig}

say() { printf '\n== %s\n' "$*"; }
stop() { printf 'kanarya: %s\n' "$*" >&2; exit 1; }
apply() { kubectl apply --server-side --force-conflicts "$@" >/dev/null; }
again() { for _ in 1 2 3 4 5; do "$@" && return; sleep 10; done; stop "$* did not succeed"; }  # a webhook may still be starting
ready() { kubectl wait --for=condition=Available --timeout=600s --all deployment -n "$1"; }  # ready() NAMESPACE
secret() {  # secret() NAMESPACE NAME: its keys come as KEY=VALUE lines, and never stand on a command line
    kubectl -n "$1" create secret generic "$2" --from-env-file=/dev/stdin --dry-run=client -o yaml | apply -f -
}

case ${1:-} in up | test | down) ;; *) stop "scripts/cluster.sh up | test | down" ;; esac
case $MODE in knative | standard) ;; *) stop "KANARYA_MODE is $MODE; knative or standard" ;; esac
case $TOOL in kind | minikube) ;; *) stop "KANARYA_CLUSTER is $TOOL; kind or minikube" ;; esac
for tool in "$TOOL" kubectl docker; do
    command -v "$tool" >/dev/null || stop "$tool is not on the PATH; install it"
done
[ "$1" = down ] || [ -z "$(git status --porcelain)" ] ||
    stop "commit your changes first: the images of steps are named by the commit"
COMPONENTS=kanarya/components-python:$(git rev-parse HEAD)

make_cluster() {
    mkdir -p "$(dirname "$KUBECONFIG")"
    case $TOOL in
        kind) kind create cluster --name "$NAME" --image "kindest/node:$KUBERNETES" --wait 5m ;;
        minikube) minikube start -p "$NAME" --kubernetes-version "$KUBERNETES" --cpus 4 --memory 12g ;;
    esac
}

load_images() {
    local image images=("$COMPONENTS" kanarya/predictor-python:0.1.0 kanarya/mlflow:0.1.0 kanarya/console:0.1.0)
    KANARYA_BUILD="components-python predictor-python mlflow console" make images
    for image in "${images[@]}"; do
        case $TOOL in
            kind) kind load docker-image --name "$NAME" "$image" ;;
            minikube) minikube -p "$NAME" image load "$image" ;;
        esac
    done
}

install_knative() {
    local from=$HUB/knative/serving/releases/download/knative-$KNATIVE
    apply -f "$from/serving-crds.yaml" -f "$from/serving-core.yaml" \
        -f "$HUB/knative-extensions/net-kourier/releases/download/knative-$KOURIER/kourier.yaml"
    # Names of the cluster itself, so that a step reaches a revision by its tag; and our images are
    # in no registry that Knative could ask for a digest.
    kubectl -n knative-serving patch configmap config-network --type merge \
        -p '{"data":{"ingress-class":"kourier.ingress.networking.knative.dev"}}'
    kubectl -n knative-serving patch configmap config-domain --type merge -p '{"data":{"svc.cluster.local":""}}'
    kubectl -n knative-serving patch configmap config-deployment --type merge \
        -p '{"data":{"registries-skipping-tag-resolving":"kind.local,ko.local,dev.local,index.docker.io"}}'
    ready knative-serving && ready kourier-system
}

install_gateway() {
    apply -f "$HUB/envoyproxy/gateway/releases/download/$ENVOY_GATEWAY/install.yaml"
    ready envoy-gateway-system
    apply -f - <<'YAML'
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: envoy}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: kserve-ingress-gateway, namespace: kserve}
spec:
  gatewayClassName: envoy
  listeners: [{name: http, protocol: HTTP, port: 80, allowedRoutes: {namespaces: {from: All}}}]
YAML
}

install_kserve() {
    local from=$HUB/kserve/kserve/releases/download/$KSERVE ingress deploy
    apply -f "$HUB/cert-manager/cert-manager/releases/download/$CERT_MANAGER/cert-manager.yaml"
    ready cert-manager
    kubectl create namespace kserve --dry-run=client -o yaml | apply -f -
    if [ "$MODE" = knative ]; then install_knative; else install_gateway; fi
    apply -f "$from/kserve-crds.yaml"
    again apply -f "$from/kserve.yaml"
    if [ "$MODE" = knative ]; then
        deploy=Knative ingress='"disableIstioVirtualHost":true,"ingressDomain":"svc.cluster.local"'
    else
        deploy=Standard ingress='"enableGatewayApi":true,"ingressDomain":"example.com"'
    fi
    # ingressGateway is asked for in either mode, and used in neither of these.
    kubectl -n kserve patch configmap inferenceservice-config --type merge --patch-file /dev/stdin <<YAML
data:
  deploy: '{"defaultDeploymentMode":"$deploy"}'
  ingress: '{$ingress,"urlScheme":"http","kserveIngressGateway":"kserve/kserve-ingress-gateway","ingressGateway":"knative-serving/knative-ingress-gateway"}'
YAML
    kubectl -n kserve patch configmap inferenceservice-config --type merge \
        --patch-file manifests/admin/inferenceservice-config.yaml
    again kubectl patch clusterstoragecontainer default --type merge --patch-file manifests/admin/storage-initializer.yaml
    # It also has controllers of language models and of models on nodes' disks: nobody waits for them.
    kubectl -n kserve rollout restart deployment kserve-controller-manager
    kubectl -n kserve rollout status deployment kserve-controller-manager --timeout=600s
}

install_kfp() {
    local from="github.com/kubeflow/pipelines/manifests/kustomize"
    kubectl apply -k "$from/cluster-scoped-resources?ref=$KFP"
    kubectl wait --for=condition=established --timeout=60s crd/applications.app.k8s.io
    kubectl apply -k "$from/env/platform-agnostic?ref=$KFP"
    ready kubeflow
}

key() { kubectl -n kubeflow get secret mlpipeline-minio-artifact -o "jsonpath={.data.$1}" | base64 -d; }

store_keys() { printf 'AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n' "$(key accesskey)" "$(key secretkey)"; }

login() {  # a token for the console: its hash goes to the cluster, the token to a file of the user's own
    local folder; folder=$(dirname "$KUBECONFIG")
    [ -f "$folder/console-login" ] || (umask 077 && "$BIN/kanarya" console login admin --token \
        >"$folder/console-login" 2>"$folder/console-token")
    kubectl -n kanarya create secret generic kanarya-console --from-file="logins=$folder/console-login" \
        --dry-run=client -o yaml | apply -f -
}

install_kanarya() {
    apply -f manifests/overlays/dev/serving/namespace.yaml
    # Pods read keys and settings once, when they start.
    store_keys | secret kubeflow kanarya-store
    store_keys | secret kanarya kanarya-store
    store_keys | secret kanarya kanarya-models
    again apply -k manifests/overlays/dev
    apply -k manifests/admin
    kubectl -n kanarya patch configmap kanarya-console --type merge \
        -p "{\"data\":{\"KANARYA_COMPONENTS_IMAGE\":\"$COMPONENTS\"}}"
    kubectl -n kanarya rollout restart deployment kanarya-watcher
    login  # the console has waited for it
    # KServe takes a store's address from the Secret, and the Secret from the pod's account.
    kubectl -n kanarya annotate --overwrite secret kanarya-models serving.kserve.io/s3-usehttps=0 \
        serving.kserve.io/s3-endpoint=seaweedfs.kubeflow:9000 serving.kserve.io/s3-region=us-east-1
    kubectl -n kanarya patch serviceaccount default -p '{"secrets":[{"name":"kanarya-models"}]}'
    ready kanarya
}

up() {
    make_cluster
    say "images"; load_images
    say "KServe $KSERVE, $MODE mode"; install_kserve
    say "Kubeflow Pipelines $KFP"; install_kfp
    say "Kanarya"; install_kanarya
    say "up: make cluster-test; make cluster-down"
}

forward() {  # forward() SERVICE LOCAL REMOTE: until this script ends
    kubectl -n kubeflow port-forward "service/$1" "$2:$3" >/dev/null &
    FORWARDS+=($!)
    timeout 30 bash -c "until : </dev/tcp/127.0.0.1/$2; do sleep 0.2; done" 2>/dev/null ||
        stop "the port-forward to $1 does not answer"
}

traffic() {  # requests through the gateway, without which no canary can be judged
    local url=http://kourier-internal.kourier-system host=iris-predictor.kanarya.svc.cluster.local
    if [ "$MODE" = standard ]; then
        url=http://$(kubectl -n envoy-gateway-system get service -o jsonpath='{.items[0].metadata.name}' \
            -l gateway.envoyproxy.io/owning-gateway-name=kserve-ingress-gateway).envoy-gateway-system
        host=iris-kanarya.example.com
    fi
    kubectl -n default delete pod kanarya-traffic --ignore-not-found
    kubectl -n default run kanarya-traffic --image=kanarya/predictor-python:0.1.0 \
        --env="URL=$url/v1/models/iris:predict" --env="HOST=$host" --command -- python -c '
import json, os, time, urllib.request as web
row = {"sepal_length": 5.9, "sepal_width": 3.0, "petal_length": 5.1, "petal_width": 1.8}
body = json.dumps({"instances": [row]}).encode()
while True:
    try:
        web.urlopen(web.Request(os.environ["URL"], body, {"Host": os.environ["HOST"], "Content-Type": "application/json"}), timeout=5).read()
    except OSError as error:
        print(error, flush=True)
    time.sleep(0.02)
'
}

run() {  # run() TREES: one version of iris, on the cluster, to the end
    "$BIN/kanarya" run pipelines/specs/iris.yaml --on cluster --upload-data \
        --service-account kanarya-pipeline --set "model.hyperparameters.n_estimators=$1" \
        --set 'rollout.steps=[50, 100]'
}

FORWARDS=()
in_test() {
    trap 'kill "${FORWARDS[@]}" 2>/dev/null; kubectl -n default delete pod kanarya-traffic --ignore-not-found' EXIT
    forward ml-pipeline "$KFP_PORT" 8888
    forward seaweedfs "$STORE_PORT" 8333
    export KFP_HOST=http://127.0.0.1:$KFP_PORT AWS_ENDPOINT_URL=http://127.0.0.1:$STORE_PORT
    export KANARYA_MODEL_STORE=s3://mlpipeline/kanarya/models AWS_DEFAULT_REGION=us-east-1
    KANARYA_COMPONENTS_IMAGE=$COMPONENTS
    AWS_ACCESS_KEY_ID=$(key accesskey) AWS_SECRET_ACCESS_KEY=$(key secretkey)
    export KANARYA_COMPONENTS_IMAGE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
    say "version 1"; run 20
    traffic
    say "version 2, a canary under live traffic"; run 100
    KANARYA_NAMESPACE=kanarya "$BIN/kanarya" rollout history iris
    say "the manifests, as the API server sees them"
    KANARYA_CLUSTER_KUBECONFIG=$KUBECONFIG KANARYA_CLUSTER_NAMESPACE=kanarya "$BIN/pytest" -q -m cluster tests/manifests
}

down() {
    case $TOOL in
        kind) kind delete cluster --name "$NAME" ;;
        minikube) minikube delete -p "$NAME" ;;
    esac
}

case $1 in
    up) up ;;
    test) in_test ;;
    down) down ;;
esac
