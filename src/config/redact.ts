import { visible } from '../shared/text.js';
import type { Settings, TargetSettings } from './types.js';

const blank = '<redacted>';

/** Shorter secrets are only blanked if they are the whole text, as they could occur in any word. */
const shortestInsideText = 4;

export interface Redactor {
  /** Blanks all known secrets, and credentials of anybody in URLs and headers. */
  readonly redact: (text: string) => string;
  /** Adds a secret learned later, such as a renewed token. */
  readonly add: (secret: string) => void;
}

/** Blanks secrets verbatim and as servers and proxies quote them: encoded, escaped or base64'd. */
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
    return withoutCredentials(forms.reduce((rest, form) => rest.replaceAll(form, blank), text));
  };
  return { redact, add };
}

/** What gives itself away, whoever's it is. */
function withoutCredentials(text: string): string {
  return text
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^/?#\s"'@]*@/gi, `$1${blank}@`)
    .replace(/(\bbasic\s+)([a-z0-9+/_-]{4,}={0,2})/gi, (all, name: string, code: string) =>
      isBasic(code) ? name + blank : all,
    )
    .replace(/(\bbearer\s+)[a-z0-9+/._~-]{16,}=*/gi, `$1${blank}`)
    .replace(/(\bx-nomad-token["']?\s*[:=]\s*["'[]{0,2})(?!<)[^\s"',;\]}]+/gi, `$1${blank}`);
}

/** Told from the words after "basic" in a sentence. */
function isBasic(code: string): boolean {
  return /^[^\p{Cc}\ufffd:]*:[^\p{Cc}\ufffd]*$/u.test(Buffer.from(code, 'base64').toString());
}

function formsOf(secret: string): readonly string[] {
  const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
  const inUrl = encodeURIComponent(secret);
  const forms = [
    ...[secret, inJson(secret), inJson(inJson(secret)), visible(secret)],
    ...[inUrl, inUrl.replaceAll('%20', '+'), encodeURI(secret)].flatMap(anyHexCase),
    ...htmlForms(secret),
    // Clients put error bodies on one line.
    secret.replace(/\s+/g, ' ').trim(),
    ...base64Forms(secret),
  ];
  return forms.filter((form) => form.length >= shortestInsideText);
}

/** `%2F` and `%2f`. */
function anyHexCase(text: string): string[] {
  return [text, text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())];
}

function htmlForms(text: string): string[] {
  const bare = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return [
    ['&quot;', '&#39;'],
    ['&#34;', '&#39;'],
    ['&quot;', "'"],
    ['&#34;', '&#x27;'],
    ['"', "'"],
  ].map(([double = '', single = '']) => bare.replaceAll('"', double).replaceAll("'", single));
}

/** Shorter pieces of base64 could occur in any word. */
const shortestPiece = 8;

/**
 * The secret alone, and inside a longer text that was encoded as a whole: there, the characters at
 * its ends also depend on what is beside it.
 */
function base64Forms(secret: string): string[] {
  const whole = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  const inside = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
    const complete = text.subarray(0, text.length - (text.length % 3)).toString('base64');
    return complete.slice(before === 0 ? 0 : before + 1);
  });
  return [whole, ...inside.filter((piece) => piece.length >= shortestPiece)].flatMap((form) => [
    form,
    form.replaceAll('+', '-').replaceAll('/', '_'),
  ]);
}

/** All secrets in the settings, for a redactor. */
export function secretsOf({ nomad, targets, discover }: Settings): readonly string[] {
  const ofTargets = [...targets, ...(discover === undefined ? [] : [discover.shared])];
  return [nomad.token ?? '', ...ofTargets.flatMap(secretsOfTarget)].filter((text) => text !== '');
}

export function secretsOfTarget(
  target: Pick<TargetSettings, 'username' | 'password'>,
): readonly string[] {
  const { username, password } = target;
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  return [password, basic, basic.replace(/=+$/, '')];
}

/** The settings without secrets, for the log. */
export function redactSettings(settings: Settings): Settings {
  const { nomad, targets, discover } = settings;
  return {
    ...settings,
    nomad: nomad.token === undefined ? nomad : { ...nomad, token: blank },
    targets: targets.map((target) => ({ ...target, password: blank })),
    ...(discover === undefined
      ? {}
      : { discover: { ...discover, shared: { ...discover.shared, password: blank } } }),
  };
}
