import { readFileSync } from 'node:fs';
import { LLAMA_SWAP_SCHEMA } from '../../src/hosts/config/llama-swap-schema.ts';
import { changeModelHost } from '../../src/hosts/model-host.ts';
import { sshExec } from '../../src/hosts/ssh/ssh-exec.ts';

/** One change of a model host, to be killed: says each step as it begins. Its only argument names a file with the options. */
const { context, change } = JSON.parse(readFileSync(process.argv[2]!, 'utf8'));
const { result } = await changeModelHost(
  { ...context, schema: LLAMA_SWAP_SCHEMA, exec: sshExec },
  { ...change, onStep: (step) => process.stdout.write(`${step}\n`) },
);
process.stdout.write(`${JSON.stringify(result)}\n`);
