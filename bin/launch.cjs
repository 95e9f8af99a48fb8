// Loads the bundle and turns its result into the exit code. The one place that ends the program.
const { enableCompileCache } = require('node:module');

enableCompileCache();

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
