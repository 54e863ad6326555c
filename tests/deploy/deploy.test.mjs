// The overlays of deploy/, rendered, against Kubernetes' schemas, each other, the README and the server itself.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checks, deploymentOf, podOf, serverOf, unknownVariables, variablesOfPrograms } from './checks.mjs';
import { Pod } from './pod.mjs';
import { overlays, render } from './render.mjs';
import { problemsOf } from './schema.mjs';

const { LIKENESS_BIN_DIR } = process.env;
const built = LIKENESS_BIN_DIR !== undefined && ['likeness-server', 'likeness'].every((name) =>
  existsSync(join(LIKENESS_BIN_DIR, name)));
const needsPrograms = { skip: built ? false : 'LIKENESS_BIN_DIR has no programs' };
const variables = built ? variablesOfPrograms(LIKENESS_BIN_DIR) : new Set();
const rendered = new Map(overlays.map((overlay) => [overlay, render(overlay)]));
const copyOf = (overlay) => structuredClone(rendered.get(overlay));
const of = (objects, kind) => objects.find((object) => object.kind === kind);

for (const [overlay, objects] of rendered) {
  describe(`the overlay ${overlay}`, () => {
    for (const object of objects) {
      const name = object.metadata.name.replace(/-[a-z0-9]{10}$/, ''); // without kustomize's hash
      test(`has a ${object.kind} ${name} that Kubernetes understands`, async () => {
        assert.deepEqual(await problemsOf(object), []);
      });
    }
    for (const [sentence, check] of Object.entries(checks)) {
      test(sentence, () => assert.deepEqual([...check(objects)], []));
    }
    test('sets nothing that the programs do not read', needsPrograms, () => {
      assert.deepEqual([...unknownVariables(objects, variables)], []);
    });
    test('makes a server that starts and is well by every probe', needsPrograms, async () => {
      const pod = new Pod(objects);
      try {
        await pod.start();
        for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) pod.probe(probe);
      } finally {
        await pod.end();
      }
    });
  });
}

describe('these tests find', () => {
  const schemaMistakes = [
    ['a misspelt key of the object itself', 'Deployment', (object) => { object.specs = {}; },
      /^Deployment\.specs is unknown$/],
    ['a misspelt key deep in a pod', 'Deployment', (object) => {
      object.spec.template.spec.containers[0].securityContext.readOnlyRootFileSystem = true;
    }, /containers\[0\]\.securityContext\.readOnlyRootFileSystem is unknown$/],
    ['a misspelt key of an autoscaler', 'HorizontalPodAutoscaler', (object) => {
      object.spec.behavior.scaleDown.stabilisationWindowSeconds = 300;
    }, /stabilisationWindowSeconds is unknown$/],
    ['a misspelt key of a network policy', 'NetworkPolicy', (object) => { object.spec.ingres = []; },
      /^NetworkPolicy\.spec\.ingres is unknown$/],
    ['a misspelt key of a kind that Kubernetes does not bring along', 'ServiceMonitor', (object) => {
      object.spec.endpoints[0].intervall = '15s';
    }, /endpoints\[0\]\.intervall is unknown$/],
    ['a text where a number belongs', 'Deployment', (object) => {
      object.spec.template.spec.terminationGracePeriodSeconds = '45';
    }, /terminationGracePeriodSeconds must be integer/],
    ['a number where a text belongs', 'ConfigMap', (object) => { object.data.LIKENESS_QUEUE = 64; },
      /LIKENESS_QUEUE must be string/],
    ['a value that is none of the possible ones', 'Deployment', (object) => {
      object.spec.template.spec.tolerations[0].effect = 'NoScheduling';
    }, /effect must be equal to one of the allowed values/],
    ['a key that must be there', 'HorizontalPodAutoscaler', (object) => { delete object.spec.maxReplicas; },
      /must have required property maxReplicas/],
  ];
  for (const [what, kind, spoil, message] of schemaMistakes) {
    test(what, async () => {
      const object = of(copyOf('gpu'), kind);
      spoil(object);
      const problems = await problemsOf(object);
      assert.equal(problems.length, 1);
      assert.match(problems[0], message);
    });
  }

  const mistakes = [
    ['a config map under another name', 'refers to nothing that is not there',
      (objects) => { of(objects, 'ConfigMap').metadata.name = 'likenes'; }],
    ['an autoscaler of something else', 'refers to nothing that is not there',
      (objects) => { of(objects, 'HorizontalPodAutoscaler').spec.scaleTargetRef.name = 'likenes'; }],
    ['a claim that nobody makes', 'refers to nothing that is not there',
      (objects) => { of(objects, 'PersistentVolumeClaim').metadata.name = 'faces'; }],
    ['a service that selects no pod', 'selects its own pods and ports',
      (objects) => { of(objects, 'Service').spec.selector = { app: 'likeness' }; }],
    ['a port that no pod has', 'selects its own pods and ports',
      (objects) => { of(objects, 'Service').spec.ports[0].targetPort = 'http'; }],
    ['servers that are scraped twice', 'selects its own pods and ports',
      (objects) => { for (const { kind, spec } of objects) if (kind === 'Service') spec.ports[0].name = 'metrics'; }],
    ['a container that may run as root', 'runs without privileges',
      (objects) => { serverOf(objects).securityContext.runAsUser = 0; }],
    ['an init container with a writable root', 'runs without privileges',
      (objects) => { podOf(objects).initContainers = [{ ...serverOf(objects), securityContext: { runAsNonRoot: true } }]; }],
    ['a pod that is killed too early', 'lets calls in flight be answered before a pod is killed',
      (objects) => { podOf(objects).terminationGracePeriodSeconds = 35; }],
    ['a probe without TLS of a server with it', 'asks the health of the server in a way it can answer',
      (objects) => { serverOf(objects).livenessProbe = { grpc: { port: 50051 } }; }],
    ['an image without a tag', 'runs one image, of this version',
      (objects) => { serverOf(objects).image = 'likeness-gpu'; }],
    ['more servers than the database has connections for', 'has no more servers than its gallery allows',
      (objects) => { of(objects, 'HorizontalPodAutoscaler').spec.maxReplicas = 30; }],
    ['a secret that nobody is told to make', 'wants no secret that deploy/README.md does not make',
      (objects) => { podOf(objects).volumes.find(({ projected }) => projected).projected.sources[0].secret.name = 'keys'; }],
  ];
  for (const [what, sentence, spoil] of mistakes) {
    test(what, () => {
      const objects = copyOf('gpu');
      spoil(objects);
      assert.notDeepEqual([...checks[sentence](objects)], []);
    });
  }

  test('two servers on one SQLite file', () => {
    const objects = copyOf('sqlite-single');
    deploymentOf(objects).spec.replicas = 2;
    assert.notDeepEqual([...checks['has no more servers than its gallery allows'](objects)], []);
  });

  test('a setting that the server does not have', needsPrograms, () => {
    const objects = copyOf('postgres');
    of(objects, 'ConfigMap').data.LIKENESS_QUEUES = '64';
    assert.equal([...unknownVariables(objects, variables)].length, 1);
  });
});
