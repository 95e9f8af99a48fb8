// Loads the bundle and turns its result into the exit code. The one place that ends the program.
const { registerHooks } = require('node:module');

// No compile cache. Node would keep it in the temporary folder, under a name that anybody can foresee, and run the bytecode that it
// finds there: whoever made the folder first runs code as us. It saved a tenth of the time to the first prompt, nothing elsewhere.

// The bundle names its chunks exactly: beside the importer, each a module. Node would ask the disk about every part of every path
// and look for a package.json, 0.15 ms for each of the 45 to 95 chunks that a command loads.
registerHooks({
  resolve(specifier, context, nextResolve) {
    if (!specifier.startsWith('./chunk-')) return nextResolve(specifier, context);
    return { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true };
  },
});

function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

import('../dist/cli.js').then(
  (cli) =>
    cli.main(process.argv.slice(2)).then(
      (exitCode) => {
        process.exitCode = exitCode;
      },
      (error) => fail(error?.stack ?? error),
    ),
  (error) =>
    fail(`ktx cannot be loaded: ${error.message}\nIts package is damaged or incomplete: install it again.`),
);
