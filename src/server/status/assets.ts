import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Asset {
  /** With a hash of the content, so that it may be cached. */
  readonly url: string;
  readonly type: string;
  readonly text: string;
}

export interface Assets {
  readonly style: Asset;
  readonly script: Asset;
  readonly icon: Asset;
}

/** The build puts these files beside the program. */
export const assetFiles = ['status.css', 'status.js', 'status.svg'] as const;

export function readAssets(): Assets {
  return {
    style: assetOf('status.css', 'text/css; charset=utf-8'),
    script: assetOf('status.js', 'text/javascript; charset=utf-8'),
    icon: assetOf('status.svg', 'image/svg+xml'),
  };
}

function assetOf(file: (typeof assetFiles)[number], type: string): Asset {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { url: `/assets/${file}?v=${hash}`, type, text };
}
