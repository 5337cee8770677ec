import type { Settings } from './types.js';

const blank = '<redacted>';

/** Shorter secrets are only blanked if they are the whole text, as they could occur in any word. */
const shortestInsideText = 4;

export interface Redactor {
  /** Blanks all known secrets and the credentials in URLs. */
  readonly redact: (text: string) => string;
  /** Adds a secret learned later, such as a renewed token. */
  readonly add: (secret: string) => void;
}

/** Blanks secrets verbatim and as encoded in URLs, JSON and Basic authentication. */
export function createRedactor(secrets: readonly string[] = []): Redactor {
  const whole = new Set<string>();
  let forms: readonly string[] = [];
  const add = (secret: string): void => {
    if (secret === '') return;
    whole.add(secret);
    if (secret.length < shortestInsideText) return;
    // Longest first, so that a secret inside another leaves nothing of it behind.
    forms = [...new Set([...forms, ...formsOf(secret)])].sort((a, b) => b.length - a.length);
  };
  secrets.forEach(add);
  const redact = (text: string): string => {
    if (whole.has(text)) return blank;
    const bare = forms.reduce((rest, form) => rest.replaceAll(form, blank), text);
    return bare.replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^/?#\s"'@]*@/gi, `$1${blank}@`);
  };
  return { redact, add };
}

function formsOf(secret: string): readonly string[] {
  const inJson = JSON.stringify(secret).slice(1, -1);
  return [secret, inJson, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
}

/** All secrets in the settings, for a redactor. */
export function secretsOf({ nomad, targets }: Settings): readonly string[] {
  const ofTargets = targets.flatMap(({ username, password }) => {
    return [password, Buffer.from(`${username}:${password}`).toString('base64')];
  });
  return [nomad.token ?? '', ...ofTargets].filter((secret) => secret !== '');
}

/** The settings without secrets, for the log. */
export function redactSettings(settings: Settings): Settings {
  const { nomad, targets } = settings;
  return {
    ...settings,
    nomad: nomad.token === undefined ? nomad : { ...nomad, token: blank },
    targets: mapAll(targets, (target) => ({ ...target, password: blank })),
  };
}

function mapAll<T>([first, ...others]: readonly [T, ...T[]], change: (one: T) => T): [T, ...T[]] {
  return [change(first), ...others.map(change)];
}
