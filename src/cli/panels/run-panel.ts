import type { PanelContext } from '../../wizard/functions.ts';
import type { PanelAnswer, PanelEffect } from '../../wizard/panels/panels.ts';
import type { PanelPlace } from './place.ts';

/**
 * Runs the task of a wizard panel or remedy with the library. Each part is imported on demand.
 * @throws SetupError for an invalid value or a failure; CancelledError.
 */
export async function runPanel(
  effect: PanelEffect,
  context: PanelContext,
  place: PanelPlace,
): Promise<PanelAnswer> {
  switch (effect.type) {
    case 'preview-action':
    case 'run-action': {
      const { previewAction, runAction } = await import('./actions.ts');
      return effect.type === 'preview-action'
        ? { type: 'action-previewed', preview: await previewAction(effect.action, context.setup) }
        : { type: 'action-done', outcome: await runAction(effect.action, context.setup, place) };
    }
    case 'mend': {
      const { carryOut } = await import('./mend.ts');
      return { type: 'mended', notice: await carryOut(effect.task, context.setup, place) };
    }
    case 'read-page': {
      const { networkLines } = await import('./mend.ts');
      return { type: 'page-read', lines: await networkLines(context.setup) };
    }
    case 'read-sources': {
      const { currentSources } = await import('./mend.ts');
      return { type: 'sources-read', current: await currentSources(context.setup) };
    }
    case 'read-model':
    case 'probe-model':
    case 'write-model':
      return (await import('./model.ts')).runModelEffect(effect, context, place);
    case 'read-host':
    case 'edit-host':
    case 'apply-host':
      return (await import('./host.ts')).runHostEffect(effect, context, place);
    case 'watch-bundles':
      return (await import('./bundles.ts')).watchBundles(context, place);
  }
}
