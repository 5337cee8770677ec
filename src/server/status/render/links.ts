import type { HostState } from '../model/types.js';

export const tabs = {
  hosts: '/',
  services: '/services',
  passes: '/passes',
  notices: '/notices',
} as const;

export type Tab = keyof typeof tabs;

export interface Where {
  readonly q?: string;
  readonly state?: HostState;
  readonly page?: number;
  readonly target?: string;
}

export const explainPath = '/explain';

/** A path with what isn't usual about it: `/services?q=web&page=2`. */
export function linkTo(path: string, { q = '', state, page = 1, target }: Where = {}): string {
  const query = new URLSearchParams();
  if (q !== '') query.set('q', q);
  if (state !== undefined) query.set('state', state);
  if (page > 1) query.set('page', String(page));
  if (target !== undefined) query.set('target', target);
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

export function explainLink(what: string, target?: string): string {
  return linkTo(explainPath, { q: what, ...(target === undefined ? {} : { target }) });
}
