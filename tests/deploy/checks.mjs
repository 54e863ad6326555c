// What no schema sees: whether the objects of an overlay fit one another, the server and deploy/README.md.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deployFolder } from './render.mjs';

const read = (...path) => readFileSync(join(deployFolder, ...path), 'utf8');

// --- the objects

const all = (objects, kind) => objects.filter((object) => object.kind === kind);
const named = (objects, kind, name) => all(objects, kind).find(({ metadata }) => metadata.name === name);
export const deploymentOf = (objects) => named(objects, 'Deployment', 'likeness');
export const podOf = (objects) => deploymentOf(objects).spec.template.spec;
export const serverOf = (objects) => podOf(objects).containers.find(({ name }) => name === 'likeness');
const containersOf = (objects) => [...(podOf(objects).initContainers ?? []), ...podOf(objects).containers];

const selects = (selector, labels = {}) => {
  const wanted = Object.entries(selector ?? {});
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
};

// The server's environment, as Kubernetes would make it. What comes from a secret is {secret, key}.
export function environmentOf(objects) {
  const server = serverOf(objects);
  const variables = {};
  for (const { configMapRef } of server.envFrom ?? []) {
    Object.assign(variables, named(objects, 'ConfigMap', configMapRef.name)?.data);
  }
  for (const { name, value, valueFrom } of server.env ?? []) {
    const secret = valueFrom?.secretKeyRef;
    const limit = valueFrom?.resourceFieldRef?.resource.replace('limits.', '');
    variables[name] = value ?? (secret ? { secret: secret.name, key: secret.key } : server.resources.limits[limit]);
  }
  return variables;
}

// Each secret that a pod has mounted or reads a variable from, with the file or key it wants of it; undefined: all.
function secretsOf(objects) {
  const ofVolumes = (podOf(objects).volumes ?? []).flatMap(({ secret, projected }) => [
    ...(secret ? [{ name: secret.secretName, items: secret.items }] : []),
    ...(projected?.sources ?? []).filter((source) => source.secret).map((source) => source.secret),
  ]);
  const ofVariables = Object.values(environmentOf(objects)).filter((value) => value?.secret);
  return [
    ...ofVolumes.flatMap(({ name, items }) => (items ?? [{}]).map(({ key }) => ({ name, key }))),
    ...ofVariables.map(({ secret, key }) => ({ name: secret, key })),
  ];
}

// --- what they are held against

// Secrets as deploy/README.md makes them: name → keys.
export function secretsOfReadme() {
  const commands = read('README.md').replaceAll('\\\n', ' ').matchAll(/kubectl create secret generic (\S+)(.*)/g);
  return new Map([...commands].map(([, name, options]) =>
    [name, [...options.matchAll(/--from-(?:file|literal)=([^\s=]+)/g)].map(([, key]) => key)]));
}

// Variables that the programs in the image read, as they say themselves.
export function variablesOfPrograms(binFolder) {
  return new Set(['likeness-server', 'likeness'].flatMap((program) =>
    [...execFileSync(join(binFolder, program), ['--help'], { encoding: 'utf8' }).matchAll(/\(Env:(\w+)\)/g)]
      .map(([, variable]) => variable)));
}

const version = read('..', 'CMakeLists.txt').match(/^project\(likeness VERSION (\S+)/m)[1];

// --- the checks: each gives what is wrong, nothing when all is well

function* references(objects) {
  const pod = podOf(objects);
  for (const { configMapRef } of serverOf(objects).envFrom ?? []) {
    if (!named(objects, 'ConfigMap', configMapRef.name)) yield `no ConfigMap ${configMapRef.name}`;
  }
  const volumes = new Set((pod.volumes ?? []).map(({ name }) => name));
  const mounted = new Set(containersOf(objects).flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name)));
  for (const name of mounted) if (!volumes.has(name)) yield `no volume ${name}`;
  for (const name of volumes) if (!mounted.has(name)) yield `nothing mounts the volume ${name}`;
  for (const { persistentVolumeClaim: claim } of pod.volumes ?? []) {
    if (claim && !named(objects, 'PersistentVolumeClaim', claim.claimName)) yield `no claim ${claim.claimName}`;
  }
  for (const { metadata, spec } of all(objects, 'HorizontalPodAutoscaler')) {
    const { kind, name, apiVersion } = spec.scaleTargetRef;
    const target = named(objects, kind, name);
    if (target?.apiVersion !== apiVersion) yield `${metadata.name} scales ${kind} ${name}, which is not there`;
    if (target?.spec.replicas !== undefined) yield `both ${metadata.name} and ${kind} ${name} set replicas`;
    for (const { resource } of spec.metrics.filter((metric) => metric.resource)) {
      if (!serverOf(objects).resources.requests[resource.name]) yield `no request to measure ${resource.name} by`;
    }
  }
}

function* selectors(objects) {
  const { spec } = deploymentOf(objects);
  const { labels } = spec.template.metadata;
  const ports = new Set(serverOf(objects).ports.flatMap(({ name, containerPort }) => [name, containerPort]));
  const chosen = [
    ['Deployment', spec.selector.matchLabels],
    ...all(objects, 'Service').map((service) => [`Service ${service.metadata.name}`, service.spec.selector]),
    ...all(objects, 'PodDisruptionBudget').map((budget) => ['PodDisruptionBudget', budget.spec.selector.matchLabels]),
    ...all(objects, 'NetworkPolicy').map((policy) =>
      [`NetworkPolicy ${policy.metadata.name}`, policy.spec.podSelector.matchLabels]),
    ...(spec.template.spec.topologySpreadConstraints ?? []).map((constraint) =>
      [constraint.topologyKey, constraint.labelSelector.matchLabels]),
  ];
  for (const [who, selector] of chosen) if (!selects(selector, labels)) yield `${who} does not select the pods`;
  for (const { metadata, spec: service } of all(objects, 'Service')) {
    for (const { targetPort } of service.ports) {
      if (!ports.has(targetPort)) yield `Service ${metadata.name}: the pods have no port ${targetPort}`;
    }
  }
  for (const { metadata, spec: policy } of all(objects, 'NetworkPolicy')) {
    for (const { port } of (policy.ingress ?? []).flatMap((rule) => rule.ports)) {
      if (!ports.has(port)) yield `NetworkPolicy ${metadata.name}: the pods have no port ${port}`;
    }
  }
  for (const { spec: monitor } of all(objects, 'ServiceMonitor')) {
    for (const { port } of monitor.endpoints) {
      const scraped = all(objects, 'Service').filter((service) =>
        selects(monitor.selector.matchLabels, service.metadata.labels) &&
        service.spec.ports.some(({ name }) => name === port));
      if (scraped.length !== 1) yield `the servers are scraped ${scraped.length} times, not once`;
      if (scraped[0]?.metadata.labels[monitor.jobLabel] !== 'likeness') yield 'the alerts want job="likeness"';
    }
  }
}

function* privileges(objects) {
  const { securityContext: ofPod, automountServiceAccountToken } = podOf(objects);
  if (automountServiceAccountToken !== false) yield 'the pod has a token for the cluster';
  if (ofPod.seccompProfile?.type !== 'RuntimeDefault') yield 'no seccomp profile';
  for (const { name, securityContext: own = {} } of containersOf(objects)) {
    const context = { ...ofPod, ...own };
    if (context.runAsNonRoot !== true || !(context.runAsUser > 0)) yield `${name} may run as root`;
    if (own.readOnlyRootFilesystem !== true) yield `${name} may write to its root filesystem`;
    if (own.allowPrivilegeEscalation !== false || own.privileged) yield `${name} may gain privileges`;
    if (own.capabilities?.drop?.includes('ALL') !== true || own.capabilities.add) yield `${name} has capabilities`;
  }
}

function* endOfPods(objects) {
  const { LIKENESS_DRAIN_DELAY: drain, LIKENESS_GRACE_PERIOD: grace } = environmentOf(objects);
  const { terminationGracePeriodSeconds: limit } = podOf(objects);
  if (!(limit > Number(drain) + Number(grace))) yield `a pod is killed after ${limit} s, before it has answered`;
}

function* probes(objects) {
  const server = serverOf(objects);
  const tls = environmentOf(objects).LIKENESS_TLS_CERTIFICATE !== undefined;
  for (const name of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
    const { grpc, exec } = server[name] ?? {};
    if (!grpc === !exec) yield `${name} must be one of grpc and exec`;
    if (grpc && tls) yield `${name}: Kubernetes' own gRPC probes speak no TLS`;
  }
}

function* images(objects) {
  const used = new Set(containersOf(objects).map(({ image }) => image));
  if (used.size !== 1) yield `one pod, several images: ${[...used].join(', ')}`;
  for (const image of used) if (image.split(':')[1] !== version) yield `${image} is not of version ${version}`;
}

function* servers(objects) {
  const { LIKENESS_GALLERY: gallery, LIKENESS_STORE_CONNECTIONS: connections = 8 } = environmentOf(objects);
  const { replicas = 1, strategy } = deploymentOf(objects).spec;
  const [autoscaler] = all(objects, 'HorizontalPodAutoscaler');
  if (typeof gallery === 'string') {
    if (replicas !== 1 || strategy?.type !== 'Recreate' || autoscaler) yield 'several servers on one SQLite file';
  } else {
    const most = autoscaler.spec.maxReplicas + strategy.rollingUpdate.maxSurge;
    const wanted = most * (Number(connections) + 1);
    const free = 97; // PostgreSQL's default of 100, less 3 for its superuser
    if (wanted > free) yield `the servers want ${wanted} connections, and PostgreSQL has ${free}`;
  }
}

function* secrets(objects) {
  const documented = secretsOfReadme();
  const wanted = secretsOf(objects);
  for (const { name, key } of wanted) {
    if (!documented.has(name)) yield `deploy/README.md does not say how to make the secret ${name}`;
    else if (key && !documented.get(name).includes(key)) yield `deploy/README.md makes ${name} without ${key}`;
  }
  const files = wanted.filter(({ key }) => !key).flatMap(({ name }) => documented.get(name) ?? []);
  for (const [variable, value] of Object.entries(environmentOf(objects))) {
    const [, file] = /^\/etc\/likeness\/(.+)$/.exec(value) ?? [];
    if (file && !files.includes(file)) yield `${variable}: no secret has ${file}`;
  }
}

export const checks = {
  'refers to nothing that is not there': references,
  'selects its own pods and ports': selectors,
  'runs without privileges': privileges,
  'lets calls in flight be answered before a pod is killed': endOfPods,
  'asks the health of the server in a way it can answer': probes,
  'runs one image, of this version': images,
  'has no more servers than its gallery allows': servers,
  'wants no secret that deploy/README.md does not make': secrets,
};

export function* unknownVariables(objects, known) {
  for (const variable of Object.keys(environmentOf(objects))) {
    if (!known.has(variable)) yield `${variable} is no setting of the server or the command line`;
  }
}
