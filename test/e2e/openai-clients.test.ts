import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type EmbeddingsRuntime,
  installEmbeddings,
  REFERENCE_ITEMS,
  wrongVectors,
} from '../fixtures/embeddings-runtime.ts';
import { temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

const run = promisify(execFile);
const SETUP_TIMEOUT_MS = 600_000;

const ITEMS = REFERENCE_ITEMS.filter(({ text }) => text.trim() !== '');

/** The frameworks on top of the SDKs by `npm run test:clients`: installing them takes a minute. */
const isComplete = process.env['KTX_CLIENTS'] === 'complete';
const wanted = (clients: Record<string, string>) =>
  Object.entries(clients).filter(([name]) => isComplete || name.startsWith('the OpenAI SDK'));

/** Each prints a JSON list of vectors for the texts in `texts.json`. `URL` ends in /v1. */
const PYTHON_CLIENTS = {
  'the OpenAI SDK, as it asks by itself': `
from openai import OpenAI
answer = OpenAI(base_url=URL, api_key="none").embeddings.create(model="any", input=TEXTS)
vectors = [item.embedding for item in answer.data]`,
  'the OpenAI SDK, asking for floats': `
from openai import OpenAI
answer = OpenAI(base_url=URL, api_key="none").embeddings.create(model="any", input=TEXTS, encoding_format="float")
vectors = [item.embedding for item in answer.data]`,
  LangChain: `
from langchain_openai import OpenAIEmbeddings
vectors = OpenAIEmbeddings(base_url=URL, api_key="none", check_embedding_ctx_length=False).embed_documents(TEXTS)`,
  LlamaIndex: `
from llama_index.embeddings.openai import OpenAIEmbedding
vectors = OpenAIEmbedding(api_base=URL, api_key="none").get_text_embedding_batch(TEXTS)`,
};

const NODE_CLIENTS = {
  'the OpenAI SDK for Node': `
import OpenAI from 'openai';
const answer = await new OpenAI({ baseURL: URL, apiKey: 'none' }).embeddings.create({ model: 'any', input: TEXTS });
const vectors = answer.data.map((item) => item.embedding);`,
  'LangChain for Node': `
import { OpenAIEmbeddings } from '@langchain/openai';
const vectors = await new OpenAIEmbeddings({ apiKey: 'none', configuration: { baseURL: URL } }).embedDocuments(TEXTS);`,
};

let runtime: EmbeddingsRuntime;
let url: string;
let folder: string;
let python: string;

beforeAll(async () => {
  folder = await temporaryFolderForFile();
  const home = join(folder, 'home');
  await mkdir(home);
  runtime = await installEmbeddings(home);
  expect(runtime.setup).toMatchObject({ exitCode: 0 });
  url = `${(await runtime.start()).url}/v1`;
  await writeFile(join(folder, 'texts.json'), JSON.stringify(ITEMS.map(({ text }) => text)));

  const venv = join(folder, 'clients');
  python = join(venv, 'bin', 'python');
  await run('python3', ['-m', 'venv', venv]);
  const packages = ['openai', ...(isComplete ? ['langchain-openai', 'llama-index-embeddings-openai'] : [])];
  await run(python, ['-m', 'pip', 'install', '--quiet', ...packages], { maxBuffer: 2 ** 26 });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  const modules = ['openai', ...(isComplete ? ['@langchain/openai', '@langchain/core'] : [])];
  await run('npm', ['install', '--no-audit', '--no-fund', ...modules], { cwd: folder, maxBuffer: 2 ** 26 });
}, SETUP_TIMEOUT_MS);
afterAll(() => runtime.endDaemons());

describe('clients of OpenAI, pointed at the daemon, get the reference vectors', () => {
  it.each(wanted(PYTHON_CLIENTS))('%s', async (_, script) => {
    const whole = `import json\nURL = ${JSON.stringify(url)}\nTEXTS = json.load(open("texts.json"))${script}\nprint(json.dumps(vectors))`;
    const { stdout } = await run(python, ['-c', whole], { cwd: folder, maxBuffer: 2 ** 26 });
    expect(wrongVectors(ITEMS, JSON.parse(stdout))).toEqual([]);
  });

  it.each(wanted(NODE_CLIENTS))('%s', async (name, script) => {
    const file = join(folder, `${name.replaceAll(' ', '-')}.mjs`);
    await writeFile(
      file,
      `import { readFileSync } from 'node:fs';\nconst URL = ${JSON.stringify(url)};\nconst TEXTS = JSON.parse(readFileSync('texts.json', 'utf8'));${script}\nconsole.log(JSON.stringify(vectors));`,
    );
    const { stdout } = await run('node', [file], { cwd: folder, maxBuffer: 2 ** 26 });
    expect(wrongVectors(ITEMS, JSON.parse(stdout))).toEqual([]);
  });
});
