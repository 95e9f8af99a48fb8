#!/usr/bin/env node
import('../dist/maker.js').then(
  ({ runMaker }) =>
    runMaker(process.argv.slice(2)).then((exitCode) => {
      process.exitCode = exitCode;
    }),
  (error) => {
    process.stderr.write(`ktx-setup-assets cannot be loaded: ${error.message}\n`);
    process.exitCode = 1;
  },
);
