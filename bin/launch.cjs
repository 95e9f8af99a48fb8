// Loads the bundle and turns its result into the exit code. The one place that ends the program.
const { enableCompileCache, registerHooks } = require('node:module');

enableCompileCache();

// The bundle names its chunks exactly: beside the importer, each a module. Node would ask the disk about every part of every path
// and look for a package.json, 0.15 ms for each of the 45 to 95 chunks that a command loads.
registerHooks({
  resolve(specifier, context, nextResolve) {
    if (!specifier.startsWith('./chunk-')) return nextResolve(specifier, context);
    return { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true };
  },
});

import('../dist/cli.js')
  .then((cli) => cli.main(process.argv.slice(2)))
  .then(
    (exitCode) => {
      process.exitCode = exitCode;
    },
    (error) => {
      process.stderr.write(`${error?.stack ?? error}\n`);
      process.exitCode = 1;
    },
  );
