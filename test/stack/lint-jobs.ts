/** Job files, good and bad, and what is to be said of each. */
export interface LintCase {
  readonly file: string;
  readonly text: string;
  /** `severity code @ line`, without quotes and commas. */
  readonly findings: readonly string[];
  readonly routes: readonly string[];
}

const ms = 1_000_000;

interface Given {
  readonly id: string;
  readonly tags?: readonly string[];
  readonly service?: object;
  readonly group?: object;
  readonly check?: object | null;
}

/** As it should be; what a case changes. */
function job({ id, tags = [], service = {}, group = {}, check = {} }: Given): object {
  const http = { Type: 'http', Path: '/health', Interval: 5000 * ms, Timeout: 1000 * ms };
  return {
    ID: id,
    Type: 'service',
    Datacenters: ['*'],
    TaskGroups: [
      {
        Name: id,
        Count: 2,
        ShutdownDelay: 5000 * ms,
        Networks: [{ DynamicPorts: [{ Label: 'http' }] }],
        Services: [
          {
            Name: id,
            Provider: 'nomad',
            PortLabel: 'http',
            Tags: ['haproxy.enable=true', `haproxy.domain=${id}.example.com`, ...tags],
            Checks: check === null ? [] : [{ ...http, ...check }],
            ...service,
          },
        ],
        Tasks: [{ Name: 'app', Driver: 'raw_exec' }],
        ...group,
      },
    ],
  };
}

function json(name: string, content: object): Pick<LintCase, 'file' | 'text'> {
  return { file: `${name}.json`, text: JSON.stringify(content, null, 2) };
}

export const jsonCases: readonly LintCase[] = [
  {
    ...json('good', { Job: job({ id: 'good' }) }),
    findings: [],
    routes: ['good.example.com'],
  },
  {
    ...json('bare', job({ id: 'bare', tags: ['haproxy.path=/api', 'haproxy.domain=*.bare.io'] })),
    findings: [],
    routes: ['*.bare.io/api', 'bare.example.com/api'],
  },
  {
    ...json('weight', { Job: job({ id: 'weight', tags: ['haproxy.weight=1000'] }) }),
    findings: ['error invalid-tag @ haproxy.weight=1000'],
    routes: [],
  },
  {
    ...json('typo', { Job: job({ id: 'typo', tags: ['haproxy.chek.path=/x'] }) }),
    findings: ['warning unknown-tag @ haproxy.chek.path=/x'],
    routes: ['typo.example.com'],
  },
  {
    ...json('consul', { Job: job({ id: 'consul', service: { Provider: 'consul' } }) }),
    findings: ['warning provider @ Name: consul'],
    routes: [],
  },
  {
    ...json('closed', { Job: job({ id: 'closed', service: { Tags: ['haproxy.domain=c.io'] } }) }),
    findings: ['warning not-enabled @ Name: closed'],
    routes: [],
  },
  {
    ...json('claimed', { Job: job({ id: 'claimed', tags: ['haproxy.domain=web.example.com'] }) }),
    findings: ['error domain-claimed @ haproxy.domain=web.example.com'],
    routes: ['claimed.example.com'],
  },
  {
    ...json('abrupt', { Job: job({ id: 'abrupt', group: { ShutdownDelay: 0 } }) }),
    findings: ['warning no-shutdown-delay @ Name: abrupt'],
    routes: ['abrupt.example.com'],
  },
  {
    ...json('blind', { Job: job({ id: 'blind', tags: ['haproxy.check.disabled=true'] }) }),
    findings: ['warning no-check @ Name: blind'],
    routes: ['blind.example.com'],
  },
  {
    ...json('tcp', { Job: job({ id: 'tcp', check: null }) }),
    findings: ['notice no-check @ Name: tcp'],
    routes: ['tcp.example.com'],
  },
  {
    ...json('hasty', {
      Job: job({ id: 'hasty', group: { Update: { MaxParallel: 1, MinHealthyTime: 1000 * ms } } }),
    }),
    findings: ['notice min-healthy-time @ Name: hasty'],
    routes: ['hasty.example.com'],
  },
  {
    ...json('canary', {
      Job: job({
        id: 'canary',
        group: {
          Update: { MaxParallel: 1, Canary: 1 },
          Networks: [{ ReservedPorts: [{ Label: 'http', Value: 8080 }] }],
        },
      }),
    }),
    findings: ['notice canary-tags @ Name: canary', 'notice static-port @ Name: canary'],
    routes: ['canary.example.com'],
  },
  {
    ...json('slow', {
      Job: job({ id: 'slow', tags: ['haproxy.timeout.server=60s'], service: { CanaryTags: [] } }),
    }),
    findings: ['notice kill-timeout @ Name: slow'],
    routes: ['slow.example.com'],
  },
  {
    ...json('joins', {
      Job: job({ id: 'joins', tags: ['haproxy.backend=custom', 'haproxy.backend.name=nowhere'] }),
    }),
    findings: ['error backend-conflict @ haproxy.backend.name=nowhere'],
    routes: [],
  },
  {
    ...json('portless', { Job: job({ id: 'portless', service: { PortLabel: '' } }) }),
    findings: ['warning no-port @ Name: portless'],
    routes: ['portless.example.com'],
  },
  {
    ...json('unrouted', {
      Job: job({ id: 'unrouted', service: { Tags: ['haproxy.enable=true'] } }),
    }),
    findings: ['notice no-route @ Name: unrouted'],
    routes: [],
  },
  { ...json('other', { some: 'thing' }), findings: ['error not-a-job'], routes: [] },
  { file: 'broken.json', text: '{ "Job": ', findings: ['error not-a-job'], routes: [] },
];

interface GivenHcl {
  readonly id: string;
  readonly tags: readonly string[];
  readonly more?: string;
  readonly before?: string;
}

function hcl({ id, tags, more = '', before = '' }: GivenHcl): Pick<LintCase, 'file' | 'text'> {
  const text = `${before}job "${id}" {
  datacenters = ["*"]
  group "${id}" {
    count          = 2
    shutdown_delay = "5s"
    network {
      port "http" {}
    }
    service {
      name     = "${id}"
      provider = "nomad"
      port     = "http"
      tags = [
        "haproxy.enable=true",
${tags.map((tag) => `        "${tag}",\n`).join('')}      ]
${more}      check {
        type     = "http"
        path     = "/health"
        interval = "5s"
        timeout  = "1s"
      }
    }
    task "app" {
      driver = "raw_exec"
      config {
        command = "/bin/true"
      }
    }
  }
}
`;
  return { file: `${id}.nomad.hcl`, text };
}

export const hclCases: readonly LintCase[] = [
  {
    ...hcl({ id: 'hgood', tags: ['haproxy.domain=hgood.example.com'] }),
    findings: [],
    routes: ['hgood.example.com'],
  },
  {
    ...hcl({ id: 'hweight', tags: ['haproxy.domain=hweight.example.com', 'haproxy.weight=x'] }),
    findings: ['error invalid-tag @ haproxy.weight=x'],
    routes: [],
  },
  {
    ...hcl({ id: 'hclaimed', tags: ['haproxy.domain=web.example.com'] }),
    findings: ['error domain-claimed @ haproxy.domain=web.example.com'],
    routes: [],
  },
  {
    ...hcl({
      id: 'hvariable',
      before: 'variable "host" {\n  default = "hvariable.io"\n}\n',
      tags: ['haproxy.domain=${var.host}', 'haproxy.path=/a'],
    }),
    findings: [],
    routes: ['hvariable.io/a'],
  },
  {
    ...hcl({
      id: 'hcanary',
      tags: ['haproxy.domain=hcanary.io'],
      more: '      canary_tags = ["haproxy.enable=true", "haproxy.canary.weight=none"]\n',
    }),
    findings: [
      'error invalid-tag @ canary_tags = [haproxy.enable=true haproxy.canary.weight=none]',
    ],
    routes: ['hcanary.io'],
  },
  {
    ...hcl({ id: 'hunset', before: 'variable "host" {}\n', tags: ['haproxy.domain=${var.host}'] }),
    findings: ['error hcl-invalid'],
    routes: [],
  },
  { file: 'hbroken.hcl', text: 'job "x" {', findings: ['error hcl-invalid'], routes: [] },
];
