import type { TlsReread } from '../shared/tls-files.js';
import type { Logger } from './logger.js';

/** Logs what became of TLS files that changed. */
export function tlsReporter(logger: Logger): (reread: TlsReread) => void {
  return ({ peer, problem }) => {
    if (problem === undefined) logger.info('TLS files reread', { peer });
    else logger.warn('TLS files not usable, the last ones stay', { peer, detail: problem });
  };
}
