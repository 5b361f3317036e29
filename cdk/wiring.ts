/** The wiring of a synthesized template as a Mermaid diagram: what is there, what feeds what, who may read and write what. */

export type Template = {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: Properties }>>;
};
type Properties = Readonly<Record<string, unknown>>;
type Statement = { readonly Action: string | readonly string[]; readonly Resource: unknown };
type Arrow = { readonly from: string; readonly to: string; readonly says?: string; readonly dotted?: boolean };

/** How a resource is drawn, as its type; others are not drawn. */
const SHAPES: Readonly<Record<string, readonly [string, string]>> = {
  'AWS::S3::Bucket': ['[(', ')]'],
  'AWS::SQS::Queue': ['[[', ']]'],
  'AWS::Lambda::Function': ['([', '])'],
  'AWS::DynamoDB::Table': ['[(', ')]'],
  'AWS::Events::Rule': ['{{', '}}'],
};
/** What the template only names. */
const OUTSIDE = {
  Amplitude: '((Amplitude))',
  ExistingBucket: '[(your bucket)]',
  Events: '{{EventBridge}}',
  Secrets: '[(Secrets Manager)]',
};

/** The same template makes the same text. */
export function drawWiring(template: Template): string {
  const arrows = [...notifications(template), ...eventSources(template), ...rights(template), ...redrives(template)];
  // The one arrow of which AWS knows nothing.
  const uploader = Object.keys(template.Resources).find((id) => id.startsWith('UploaderFunction'));
  if (uploader) arrows.push({ from: uploader, to: 'Amplitude', says: 'events' });
  const drawn = new Set(arrows.flatMap(({ from, to }) => [from, to]));
  const nodes = [...drawn].map((id) => node(template, id));
  return ['flowchart TD', ...nodes, ...arrows.map(arrow), ''].join('\n');
}

function node({ Resources }: Template, id: string): string {
  const [open, close] = SHAPES[Resources[id]?.Type ?? ''] ?? [];
  return `  ${nameOf(id)}${open ? `${open}${words(id)}${close}` : (OUTSIDE[id as keyof typeof OUTSIDE] ?? '')}`;
}

function arrow({ from, to, says, dotted }: Arrow): string {
  const line = dotted ? '-.->' : '-->';
  return `  ${nameOf(from)} ${line}${says ? `|${says}|` : ''} ${nameOf(to)}`;
}

/** A logical id without the letters that CDK puts behind it. */
function nameOf(id: string): string {
  return id.replace(/[0-9A-F]{8}$/, '');
}

/** `IntakeDeadLettersABCD1234` is "intake dead letters". */
function words(id: string): string {
  return nameOf(id)
    .replace(/Function$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase();
}

function ofType({ Resources }: Template, type: string): (readonly [string, Properties])[] {
  return Object.entries(Resources).flatMap(([id, { Type, Properties = {} }]) =>
    Type === type ? [[id, Properties] as const] : [],
  );
}

/** The resources that a value refers to, however deep. */
function referred(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referred);
  if (typeof value !== 'object' || value === null) return [];
  const { Ref, 'Fn::GetAtt': getAtt } = value as Properties;
  if (typeof Ref === 'string') return [Ref];
  if (Array.isArray(getAtt)) return [String(getAtt[0])];
  return Object.values(value).flatMap(referred);
}

function notifications(template: Template): Arrow[] {
  const own = ofType(template, 'AWS::S3::Bucket').flatMap(([from, { NotificationConfiguration }]) =>
    referred(NotificationConfiguration).map((to) => ({ from, to, says: 'ObjectCreated' })),
  );
  const routed = ofType(template, 'AWS::Events::Rule').flatMap(([rule, { Targets, ScheduleExpression: clock }]) => [
    ...(clock === undefined ? [{ from: 'ExistingBucket', to: rule, says: 'Object Created' }] : []),
    ...referred(Targets).map((to) => ({ from: rule, to, ...(clock !== undefined && { says: every(clock) }) })),
  ]);
  return [...own, ...routed];
}

/** `rate(15 minutes)` is "every 15 minutes". */
function every(schedule: unknown): string {
  return `every ${/\((.*)\)/.exec(String(schedule))?.[1] ?? ''}`;
}

function eventSources(template: Template): Arrow[] {
  const mappings = ofType(template, 'AWS::Lambda::EventSourceMapping');
  return mappings.flatMap(([, { EventSourceArn, FunctionName, BatchSize, ScalingConfig }]) => {
    const [from = '', to = ''] = [...referred(EventSourceArn), ...referred(FunctionName)];
    const { MaximumConcurrency: most } = ScalingConfig as { readonly MaximumConcurrency: number };
    return [{ from, to, says: `${String(BatchSize)} at a time, ${most} side by side` }];
  });
}

function redrives(template: Template): Arrow[] {
  return ofType(template, 'AWS::SQS::Queue').flatMap(([from, { RedrivePolicy }]) =>
    referred(RedrivePolicy).map((to) => ({ from, to, says: 'received too often', dotted: true })),
  );
}

/** From each function's policy: data flows from what may be read, to what may be written. */
function rights(template: Template): Arrow[] {
  const functions = ofType(template, 'AWS::Lambda::Function');
  return ofType(template, 'AWS::IAM::Policy').flatMap(([, { Roles, PolicyDocument }]) => {
    const [role] = referred(Roles);
    const of = functions.find(([, { Role }]) => referred(Role)[0] === role)?.[0];
    const { Statement } = PolicyDocument as { readonly Statement: readonly Statement[] };
    return of === undefined ? [] : Statement.flatMap((statement) => flows(template, of, statement));
  });
}

function flows(template: Template, of: string, { Action, Resource }: Statement): Arrow[] {
  const may = (action: string) => [Action].flat().includes(action);
  const known = [...new Set(referred(Resource))].filter((id) => SHAPES[template.Resources[id]?.Type ?? '']);
  if (may('s3:GetObject')) {
    return (known.length > 0 ? known : ['ExistingBucket']).map((from) => ({ from, to: of, says: 'bytes' }));
  }
  if (may('sqs:SendMessage')) return known.map((to) => ({ from: of, to }));
  if (may('s3:PutObject')) return known.map((to) => ({ from: of, to, says: 'rejects, receipts' }));
  if (may('dynamodb:UpdateItem')) return known.map((to) => ({ from: of, to, says: 'books' }));
  if (may('events:PutEvents')) return [{ from: of, to: 'Events', says: 'Dump Imported' }];
  if (may('secretsmanager:GetSecretValue')) return [{ from: 'Secrets', to: of, says: 'keys' }];
  return [];
}
