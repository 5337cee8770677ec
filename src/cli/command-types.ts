import type { SettingsFlags } from '../config/sources.js';

/** What the command line asks for. */
export type Command =
  | DaemonCommand
  | OnceCommand
  | DryRunCommand
  | ExplainCommand
  | DoctorCommand
  | RouteAddCommand
  | RouteRemoveCommand
  | RouteListCommand
  | LintCommand
  | PrintCommand;

/** All but `--help` and `--version`. */
export type RunnableCommand = Exclude<Command, PrintCommand>;

export interface Common {
  /** For `loadSettings`; holds the configuration file's path too. */
  readonly flags: SettingsFlags;
  readonly output: OutputFormat;
  readonly color: ColorChoice;
}

export type OutputFormat = 'text' | 'json';
export type ColorChoice = 'auto' | 'always' | 'never';

export interface TargetChoice {
  /** Names of the HAProxies; absent: all. */
  readonly targets?: readonly string[];
}

export interface DaemonCommand extends Common {
  readonly kind: 'daemon';
}

export interface OnceCommand extends Common, TargetChoice {
  readonly kind: 'once';
  readonly detailedExitcode: boolean;
  /** File of a saved plan: apply it, or nothing. */
  readonly plan?: string;
}

export interface DryRunCommand extends Common, TargetChoice {
  readonly kind: 'dry-run';
  readonly detailedExitcode: boolean;
  /** File to save the plan in. */
  readonly planOut?: string;
}

export interface ExplainCommand extends Common, TargetChoice {
  readonly kind: 'explain';
  /** `HOST[/PATH]`, `[NAMESPACE/]SERVICE` or `BACKEND`. */
  readonly query: string;
}

/** Checks everything that the connector depends on. */
export interface DoctorCommand extends Common, TargetChoice {
  readonly kind: 'doctor';
}

export interface RouteTarget {
  readonly address: string;
  readonly port: number;
}

export interface RouteAddCommand extends Common {
  readonly kind: 'route-add';
  readonly domains: readonly string[];
  readonly targets: readonly RouteTarget[];
  readonly checkPath?: string;
  /** Instead of the setting `routes.directory`. */
  readonly directory?: string;
}

/** Either the name or the domain is given. */
export interface RouteRemoveCommand extends Common {
  readonly kind: 'route-remove';
  readonly name?: string;
  readonly domain?: string;
  readonly directory?: string;
}

export interface RouteListCommand extends Common {
  readonly kind: 'route-list';
  readonly directory?: string;
}

/** Checks job files. */
export interface LintCommand extends Common {
  readonly kind: 'lint';
  /** `-` is stdin. */
  readonly files: readonly string[];
  readonly format: OutputFormat | 'github';
  /** Warnings fail too. */
  readonly strict: boolean;
  /** Without Nomad's jobs and HAProxy. */
  readonly offline: boolean;
}

/** `--help`, `--version` and `completion`: print the text on stdout and exit 0. */
export interface PrintCommand {
  readonly kind: 'print';
  readonly text: string;
}

/** The root's options as commander hands them over. */
export interface RootOptions {
  readonly once?: true;
  readonly dryRun?: true;
  readonly planOut?: string;
  readonly plan?: string;
  readonly target?: readonly string[];
  readonly config?: string;
  readonly output: OutputFormat | 'github';
  readonly detailedExitcode?: true;
  readonly color: ColorChoice;
  readonly policy?: string;
  readonly adopt?: true;
  readonly allowRemovals?: true;
  readonly logLevel?: string;
  readonly nomadAddress?: string;
  readonly haproxyAddress?: string;
  readonly frontend?: readonly string[];
  readonly routingMode?: string;
  readonly httpListen?: string;
}
