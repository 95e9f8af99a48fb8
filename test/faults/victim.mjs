// The program that gets killed: `node victim.mjs <function> <options as JSON>`, from the bundle as users run it.
import { pathToFileURL } from 'node:url';

const [name, options] = process.argv.slice(2);
const library = await import(pathToFileURL(process.env.KTX_TEST_LIBRARY).href);
const { KTX_TEST_EMBEDDER: embedder } = process.env;
if (embedder) library.configureKtxSetup(JSON.parse(embedder));
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const onEvent = (event) => {
  if (['note', 'failure', 'step'].includes(event.type)) say(event);
};
const note = (level, text) => say({ type: 'note', level, text });
try {
  const result = await library[name]({ ...JSON.parse(options), onEvent, note });
  say({ type: 'result', result });
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}
