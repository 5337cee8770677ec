/** Opting in. What else the tags say is read by the desired state. */

export function optsIn(tags: readonly string[], prefix: string): boolean {
  const key = `${prefix}.enable`.toLowerCase();
  return tags.some((tag) => {
    const [name = '', ...rest] = tag.split('=');
    return name.trim().toLowerCase() === key && rest.join('=').trim().toLowerCase() === 'true';
  });
}

export function isOurTag(tag: string, prefix: string): boolean {
  return tag.trim().toLowerCase().startsWith(`${prefix.toLowerCase()}.`);
}
