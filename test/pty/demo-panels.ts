import type { PanelContext } from '../../src/wizard/functions.ts';
import type { PanelAnswer, PanelEffect } from '../../src/wizard/panels/panels.ts';
import { DEMO_UNDO } from './demo-data.ts';

const HOST_TEXT = `models:
  # small and quick
  "qwen-4b":
    cmd: llama-server --port \${PORT} -m /models/qwen-4b.gguf
    ttl: 300
  "gpt-oss-20b":
    cmd: llama-server --port \${PORT} -m /models/gpt-oss-20b.gguf
`;

export const DEMO_CONNECTION = {
  host: 'models.acme.internal',
  user: 'ada',
  keyPath: '~/.ssh/id_ed25519',
  configPath: '/etc/llama-swap/config.yaml',
  restartCmd: 'sudo systemctl restart llama-swap',
  baseUrl: 'http://models.acme.internal:8080',
};

/** What the library would answer at the end of each effect. */
export function demoAnswer(effect: PanelEffect): PanelAnswer {
  switch (effect.type) {
    case 'preview-action': {
      const preview = {
        start: { lines: [], question: 'Start it?' },
        stop: { lines: [], question: 'Stop it?' },
        undo: {
          lines: [
            `Now: core + local-embeddings, installed 2026-11-20 10:12, in ${DEMO_UNDO.from?.environmentDir}`,
            `After switching: core, installed 2026-10-01 08:30, in ${DEMO_UNDO.to.environmentDir}`,
            'It is tested before it is used. Nothing is downloaded, and you can undo this too.',
          ],
          question: 'Go back to the environment of 2026-10-01 08:30?',
        },
        remove: {
          lines: [
            'To be deleted in /home/ada/.ktx/runtime:',
            '    420 MB  runtime 0.3.0',
            '    182 MB  downloads',
            '    602 MB  in all',
          ],
          question: 'Delete all this? It cannot be undone; a new setup installs it again.',
        },
        prune: { lines: ['There is no older version to remove.'], question: null },
      }[effect.action];
      return { type: 'action-previewed', preview };
    }
    case 'run-action':
      return {
        type: 'action-done',
        outcome: {
          isOk: true,
          title: effect.action === 'start' ? 'The ktx daemon is running' : 'It is done',
          lines: ['http://127.0.0.1:41234 · process 4711 · core'],
        },
      };
    case 'mend':
      return { type: 'mended', notice: 'It is done.' };
    case 'read-page':
      return {
        type: 'page-read',
        lines: [
          'package index: https://pypi.acme.internal/simple (from pip.conf)',
          'proxy for https: http://proxy.acme.internal:3128 (from HTTPS_PROXY)',
          'certificates: system and /etc/ssl/acme-root.pem (from SSL_CERT_FILE)',
        ],
      };
    case 'read-sources':
      return {
        type: 'sources-read',
        current: { index: 'https://pypi.acme.internal/simple (pip.conf)', folder: '/home/ada/.ktx/runtime' },
      };
    case 'read-model':
      return {
        type: 'model-read',
        facts: {
          path: '/home/ada/orders_dbt/ktx.yaml',
          backend: null,
          model: null,
          backends: [
            { id: 'claude-code', label: 'Claude subscription (Pro/Max)', presetModel: '', isProbed: false },
            { id: 'codex', label: 'Codex subscription', presetModel: 'gpt-5.5', isProbed: true },
          ],
        },
      };
    case 'probe-model': {
      const isOk = effect.model !== 'gpt-wrong';
      const lines = isOk
        ? [`${effect.model} answered.`]
        : ['Codex is authenticated, but the configured model "gpt-wrong" is not available for this account.'];
      const edits = [`llm.provider.backend: ${effect.backend}`, `llm.models.default: ${effect.model}`];
      return { type: 'model-probed', result: { isOk, lines, edits } };
    }
    case 'write-model':
      return { type: 'model-written', lines: [`${effect.backend} (${effect.model})`] };
    case 'read-host':
      return {
        type: 'host-read',
        connection: DEMO_CONNECTION,
        facts: {
          place: 'ada@models.acme.internal: /etc/llama-swap/config.yaml',
          text: HOST_TEXT,
          models: ['qwen-4b', 'gpt-oss-20b'],
          warnings: [],
        },
      };
    case 'edit-host':
      return {
        type: 'host-edited',
        review: {
          text: HOST_TEXT.replace('300', '600'),
          diff: '@@ lines 5..5 -> 5..5 @@\n-     ttl: 300\n+     ttl: 600',
          errors: [],
        },
      };
    case 'apply-host':
      return {
        type: 'host-applied',
        outcome: {
          isOk: true,
          title: 'models.acme.internal uses the new configuration',
          lines: ['Backup on the host: /etc/llama-swap/config.yaml.ktx-20261120-101200'],
        },
      };
    case 'watch-bundles':
      return {
        type: 'bundles',
        facts: {
          command:
            'npx ktx-setup@0.3.0 bundle create --platform linux-x64 --output ktx-0.3.0-linux-x64.bundle',
          file: 'ktx-0.3.0-linux-x64.bundle, about 91 MB',
          folders: ['/home/ada/orders_dbt', '/home/ada/Downloads'],
          candidates: [
            {
              path: '/home/ada/Downloads/ktx-0.3.0-linux-x64.bundle',
              size: '91 MB',
              problem: 'The bundle ends too early',
            },
          ],
        },
      };
  }
}

/** The same, told step by step, stopped at gates. */
export async function demoPanel(
  effect: PanelEffect,
  { setup, tell, lendTerminal }: PanelContext,
  gate: (name: string, signal: AbortSignal | undefined) => Promise<void>,
): Promise<PanelAnswer> {
  const { signal } = setup;
  const answer = demoAnswer(effect);
  if (effect.type === 'run-action') await gate('action', signal);
  if (effect.type === 'probe-model') await gate('probe', signal);
  if (effect.type === 'edit-host') {
    const { runInteractive } = await import('../../src/process/terminal/run-interactive.ts');
    const code = await lendTerminal(() => runInteractive(process.env['EDITOR'] ?? 'true', 'llama-swap.yaml'));
    if (code !== 0) throw new Error(`the editor ended with code ${code}`);
  }
  if (effect.type === 'apply-host') {
    for (const text of ['Checking the new configuration', 'Backing up the file on the host', 'Writing it'])
      tell({ type: 'host-step', text });
    await gate('apply', signal);
  }
  if (effect.type === 'watch-bundles' && answer.type === 'bundles') {
    tell(answer);
    await gate('bundle', signal);
    const candidates = [
      { path: '/home/ada/Downloads/ktx-0.3.0-linux-x64.bundle', size: '182 MB', problem: null },
    ];
    return { ...answer, facts: { ...answer.facts, candidates } };
  }
  return answer;
}
