/** A line whose first word is one of these begins a section, however far it is indented. */
export const sectionWords: ReadonlySet<string> = new Set(
  (
    'global defaults frontend backend listen peers resolvers mailers userlist cache program ring ' +
    'http-errors log-forward log-profile fcgi-app crt-store traces acme ruleset dynamic-update'
  ).split(' '),
);
