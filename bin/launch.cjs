// Loads the bundle and turns its result into the exit code. The only place that ends the program.
const argv = process.argv.slice(2);

const TOO_MANY_FILES =
  'Too many files are open, so ktx cannot be loaded.\nRaise the limit (ulimit -n 1024), then run it again.';

// Shows the first screen of `ktx setup` before the program is loaded. An optimisation: without it everything
// works, only later.
let firstScreen = null;
if (argv.length === 1 && argv[0] === 'setup') {
  const begin = (shown) =>
    require('../dist/first-screen.cjs').beginSetup(argv, (exitCode) => process.exit(exitCode), shown);
  // A key press may call this at any time, with no caller to catch its errors.
  const goOn = (shown) => {
    try {
      return begin(shown);
    } catch (error) {
      shown.terminal.restore();
      process.stderr.write(unloadable(error));
      process.exit(1);
    }
  };
  try {
    firstScreen = require('../dist/first-frame.cjs').showFirstFrame(`${__dirname}/../dist`, goOn) ?? begin();
  } catch {
    // If the package is damaged, loading the program reports it below.
  }
}

function unloadable(error) {
  if (isFileLimit(error)) return `${TOO_MANY_FILES}\n`;
  return `ktx cannot be loaded: ${String(error.message).split('\n')[0]}\nIts package is damaged or incomplete: install it again.\n`;
}

/** Parts of the program are loaded on demand, so it may hit the limit at any point. */
function isFileLimit(error) {
  return error?.code === 'EMFILE' || error?.code === 'ENFILE';
}

function fail(text) {
  firstScreen?.close();
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}

function load() {
  const { registerHooks } = require('node:module');

  // No compile cache: Node would keep it in the temporary folder under a predictable name and run the
  // bytecode found there, so another user who creates the folder first could run code as this user. It only
  // saved a tenth of the time to the first prompt.

  // The bundle names its chunks exactly: next to the importer, each a module. Node's resolver would check
  // every part of each path and look for a package.json, 0.15 ms for each of the 45 to 95 chunks of a
  // command.
  registerHooks({
    resolve(specifier, context, nextResolve) {
      if (!specifier.startsWith('./chunk-')) return nextResolve(specifier, context);
      return { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true };
    },
  });

  import('../dist/cli.js').then(
    (cli) =>
      cli.main(argv, undefined, firstScreen ? { firstScreen } : undefined).then(
        (exitCode) => {
          firstScreen?.close();
          process.exitCode = exitCode;
        },
        (error) => fail(isFileLimit(error) ? TOO_MANY_FILES : (error?.stack ?? error)),
      ),
    (error) => fail(unloadable(error).trimEnd()),
  );
}

/**
 * The most common commands have a file of their own, which loads quickly: their words, and the options that
 * it supports.
 */
const QUICK = [
  {
    words: ['doctor'],
    options: ['--json', '--plain'],
    run: (rest) => require('../dist/quick-doctor.cjs').quickDoctor(rest),
  },
  {
    words: ['admin', 'runtime', 'status'],
    options: ['--json'],
    run: (rest) => require('../dist/quick-status.cjs').quickStatus(rest),
  },
];

const quick = QUICK.find(
  ({ words, options }) =>
    words.every((word, at) => argv[at] === word) &&
    argv.slice(words.length).every((word) => options.includes(word)),
);

/** Falls back to the program for everything that the file does not support. */
function runQuickly({ words, run }) {
  let running;
  try {
    running = run(argv.slice(words.length));
  } catch {
    return load();
  }
  running.then(
    (exitCode) => {
      if (exitCode === null) load();
      else process.exitCode = exitCode;
    },
    (error) => fail(isFileLimit(error) ? TOO_MANY_FILES : (error?.stack ?? error)),
  );
}

// Loading blocks the event loop for some hundred milliseconds: handle pending keys first.
if (firstScreen) {
  setTimeout(() => {
    firstScreen.follow?.();
    load();
  }, 5);
} else if (quick) runQuickly(quick);
else load();
