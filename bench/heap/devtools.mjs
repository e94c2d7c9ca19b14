// Chrome DevTools' own analysis of a heap snapshot, as its worker does it: load, class table with
// retained sizes, statistics.
//
//   node bench/heap/devtools.mjs PEERS            make PEERS/devtools-worker.mjs (once)
//   node bench/heap/devtools.mjs PEERS FILE       analyse FILE; prints the number of classes
//
// PEERS has the npm packages chrome-devtools-frontend and esbuild.
import fs from 'node:fs';
import path from 'node:path';
import {createRequire} from 'node:module';
import {MessageChannel} from 'node:worker_threads';

const [peers, file] = process.argv.slice(2);
const bundle = path.resolve(peers, 'devtools-worker.mjs');

async function build() {
  const modules = path.resolve(peers, 'node_modules');
  const worker = path.join(
      modules, 'chrome-devtools-frontend/front_end/entrypoints/heap_snapshot_worker');
  const {build: bundled} = createRequire(path.join(modules, 'x.js'))('esbuild');
  const sources = {
    name: 'sources',
    setup(made) {
      // Only built front ends have this file.
      made.onResolve({filter: /locales\.js$/}, found => ({path: found.path, namespace: 'locales'}));
      made.onLoad({filter: /.*/, namespace: 'locales'}, () => ({
        contents: ['LOCALES', 'BUNDLED_LOCALES'].map(name => `export const ${name} = ['en-US'];`).join('') +
            ['DEFAULT_LOCALE', 'REMOTE_FETCH_PATTERN', 'LOCAL_FETCH_PATTERN']
                .map(name => `export const ${name} = 'en-US';`).join(''),
      }));
      made.onResolve({filter: /^[./].*\.js$/}, found => {
        const script = path.resolve(found.resolveDir, found.path);
        const source = script.replace(/\.js$/, '.ts');
        return fs.existsSync(script) || !fs.existsSync(source) ? undefined : {path: source};
      });
    },
  };
  await bundled({
    stdin: {
      contents: `export {SecondaryInitManager} from '${worker}/HeapSnapshot.js';
                 export {HeapSnapshotLoader} from '${worker}/HeapSnapshotLoader.js';`,
      resolveDir: worker,
    },
    bundle: true, platform: 'node', format: 'esm', outfile: bundle, plugins: [sources], logLevel: 'error',
    tsconfigRaw: {compilerOptions: {useDefineForClassFields: false, experimentalDecorators: true}},
  });
}

async function analyse() {
  globalThis.self = globalThis;
  const {HeapSnapshotLoader, SecondaryInitManager} = await import(bundle);
  const loader = new HeapSnapshotLoader({sendEvent() {}, dispatchMessage() {}});
  for await (const chunk of fs.createReadStream(file, {encoding: 'latin1', highWaterMark: 1 << 20})) {
    loader.write(chunk);
    // The parser waits for chunks: give it a turn, or they pile up.
    await new Promise(setImmediate);
  }
  loader.close();
  const channel = new MessageChannel();
  new SecondaryInitManager(channel.port2);
  const snapshot = await loader.buildSnapshot(channel.port1);
  channel.port1.close();
  channel.port2.close();
  snapshot.getStatistics();
  console.log(Object.keys(snapshot.aggregatesWithFilter({})).length);
  process.exit(0);
}

await (file === undefined ? build() : analyse());
