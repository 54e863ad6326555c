// Renders an overlay of deploy/ to the objects that Kubernetes would be given.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments, stringify } from 'yaml';

export const deployFolder = fileURLToPath(new URL('../../deploy', import.meta.url));
export const overlays = readdirSync(join(deployFolder, 'overlays'));

const kubectl = (...args) => execFileSync('kubectl', args, { encoding: 'utf8', maxBuffer: 16 << 20 });

// Debian 12's kubectl 1.20 has a kustomize of 2019, which knows this by its names of then; it does not tell its version.
function inWordsOf2019(text, folder) {
  const { resources = [], patches = [], ...rest } = parse(text);
  const isFolder = (path) => statSync(join(folder, path)).isDirectory();
  return stringify({
    ...rest,
    bases: resources.filter(isFolder),
    resources: resources.filter((path) => !isFolder(path)),
    patchesStrategicMerge: patches.map(({ path }) => path),
  });
}

export function render(overlay) {
  const copy = mkdtempSync(join(tmpdir(), 'likeness-deploy-'));
  try {
    cpSync(deployFolder, copy, { recursive: true });
    if (JSON.parse(kubectl('version', '--client', '--output=json')).kustomizeVersion === undefined) {
      for (const folder of ['base', ...overlays.map((name) => `overlays/${name}`)]) {
        const file = join(copy, folder, 'kustomization.yaml');
        writeFileSync(file, inWordsOf2019(readFileSync(file, 'utf8'), dirname(file)));
      }
    }
    return parseAllDocuments(kubectl('kustomize', join(copy, 'overlays', overlay))).map((document) => document.toJS());
  } finally {
    rmSync(copy, { recursive: true });
  }
}
