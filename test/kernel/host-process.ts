/** The host of a session: `host-process.ts <python> <code>`. Prints the code's output; ignores Ctrl+C. */
import { tmpdir } from 'node:os';
import { PythonKernel } from '../../src/kernel/python-kernel.ts';

const [pythonPath = '', code = ''] = process.argv.slice(2);
process.on('SIGINT', () => {});
const kernel = await PythonKernel.start({ pythonPath, cwd: tmpdir() });
const { status } = await kernel.execute(code, { onChunk: (text) => void process.stdout.write(text) });
process.stdout.write(`${status}\n`);
if (process.argv[4] === 'throw') setImmediate(() => Promise.reject(new Error('a fault of the host')));
else await kernel.shutdown();
