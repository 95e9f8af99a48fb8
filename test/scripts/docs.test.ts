import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { documents } from '../../scripts/docs.mjs';
import { ENVIRONMENT_VARIABLES } from '../../src/core/environment-variables.ts';

const ROOT = new URL('../../', import.meta.url);
const generated: Record<string, string> = documents();
const listed = Object.values(ENVIRONMENT_VARIABLES).flatMap((group) => group.map(({ name }) => name));

async function sources(folder: string, ends: RegExp): Promise<string[]> {
  const files = await readdir(new URL(folder, ROOT), { recursive: true });
  const paths = files.filter((file) => ends.test(file) && !file.includes('environment-variables'));
  return Promise.all(paths.map((file) => readFile(new URL(`${folder}/${file}`, ROOT), 'utf8')));
}

describe('generated documents', () => {
  it.each(Object.keys(generated))('docs/%s is what `npm run docs` writes', async (path) => {
    expect(await readFile(new URL(`docs/${path}`, ROOT), 'utf8')).toBe(generated[path]);
  });

  it('give --runtime-root to every command that uses the runtime folder', () => {
    const without = generated['commands.md']!.split('\n## ')
      .slice(1)
      .filter((section) => !section.includes('--runtime-root'))
      .map((section) => section.split('\n')[0]!.replace(/ [<[].*/, ''));
    expect(without).toEqual([
      'ktx admin model-host diff',
      'ktx admin model-host apply',
      'ktx admin model-host restore',
      'ktx bundle verify',
      'ktx bundle inspect',
      'ktx bundle diff',
    ]);
  });
});

/** Set for children, or by npm for what it starts; not for users to set. */
const INTERNAL = new Set([
  ...['KTX_DAEMON_VERSION', 'KTX_DAEMON_NONCE', 'KTX_EMBEDDINGS_MODEL_DIR', 'KTX_SQL_TIME_LIMIT_SECONDS'],
  ...['KTX_PROCESS_MARK', 'KTX_SETUP_RUN', 'KTX_SETUP_OWNER', 'KTX_CODEX_RUNTIME_MCP_TOKEN'],
  ...['UV_CACHE_DIR', 'UV_PYTHON_INSTALL_DIR', 'UV_PYTHON_DOWNLOADS_JSON_URL', 'UV_PYTHON_PREFERENCE'],
  ...['NODE_USE_ENV_PROXY', 'UV_NO_WRAP', 'UV_NO_PROGRESS', 'UV_NO_ENV_FILE', 'UV_PYTHON_DOWNLOADS'],
  ...['KTX_DAEMON_SECRET', 'KTX_DAEMON_STATE', 'KTX_DAEMON_STARTER', 'KTX_DAEMON_PROOF'],
  ...['UV_CONCURRENT_INSTALLS'],
  ...['npm_config_user_agent', 'npm_command', 'npm_lifecycle_event'],
  ...['UV_PYTHON_INSTALL_BIN', 'UV_PYTHON_INSTALL_REGISTRY', 'UV_LIBC', 'ORT_DISABLE_TELEMETRY'],
]);

describe('the list of environment variables', () => {
  it('names each once', () => {
    const names = Object.values(ENVIRONMENT_VARIABLES).flatMap((group) => group.map(({ name }) => name));
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  it('has every variable that the code reads', async () => {
    const text = (
      await Promise.all([
        sources('src', /\.tsx?$/),
        sources('screens', /\.tsx?$/),
        sources('assets/python/wheel/src', /\.py$/),
      ])
    )
      .flat()
      .join('\n');
    const read = [
      ...text.matchAll(/\benv\??\.?\[['"]([A-Za-z_]+)['"]\]/g),
      ...text.matchAll(/\benv\.([A-Z_]{3,})\b/g),
      ...text.matchAll(/\benviron(?:\.get\(|\[)"([A-Z_]+)"/g),
      ...text.matchAll(/"(PG[A-Z]+)"/g),
      // The rows of settings of other tools, whatever a tool is called.
      ...text.matchAll(/\['[a-z-]+', '([A-Z]+_[A-Z_]+)'/g),
      ...text.matchAll(
        /['"]((?:KTX|UV|PIP|SSL|HF|XDG|NODE|CODEX|HTTPS?|ALL|NO|CURL|REQUESTS|OPENAI)_[A-Z_]+)['"]/g,
      ),
    ].map(([, name]) => name!);
    const known = new Set(listed);
    const upper = new Set(listed.map((name) => name.toUpperCase()));
    const missing = [...new Set(read)].filter(
      (name) => !known.has(name) && !upper.has(name.toUpperCase()) && !INTERNAL.has(name),
    );
    expect(missing).toEqual([]);
  });

  it('has none that nothing reads', async () => {
    const text = (
      await Promise.all([
        sources('src', /\.tsx?$/),
        sources('node_modules/ink/build', /is-screen-reader|components\/App|\bink\.js|render\.js/),
        sources('assets/python/wheel/src', /\.py$/),
      ])
    )
      .flat()
      .join('\n');
    const patterns: Record<string, string> = {
      'UV_INDEX_<NAME>_USERNAME': '_USERNAME',
      'UV_INDEX_<NAME>_PASSWORD': '_PASSWORD',
      'npm_config_*': 'npm_config_',
    };
    expect(listed.filter((name) => !text.includes(patterns[name] ?? name))).toEqual([]);
  });
});
