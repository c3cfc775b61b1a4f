import { DEFAULT_PRICES } from '../pricing/default-prices.ts';
import { mayCall } from './compile.ts';
import type { ConfigurationDocument } from './document.ts';
import { policyWarnings } from './policy-warnings.ts';
import { inFileOrder, type Problem } from './problem.ts';
import type { Warning } from './warning.ts';
import type { YamlFile } from './yaml-file.ts';

/**
 * What is allowed and probably not meant.
 * @param nowMs decides which exemptions and maintenance windows are over.
 */
export function warningsOf(
  document: ConfigurationDocument,
  yaml: YamlFile,
  nowMs: number,
): readonly Problem[] {
  const warnings = [
    ...unreachable(document),
    ...policyWarnings(document, nowMs),
    ...budgetWarnings(document),
    ...unpricedProviders(document),
    ...broadExemptions(document, nowMs),
  ];
  return inFileOrder(warnings.map(({ path, message }) => yaml.problemAt(path, 'value', message)));
}

function unreachable(document: ConfigurationDocument): readonly Warning[] {
  const agentOf = new Map(document.agents.map((agent) => [agent.id, agent]));
  const contradictions = document.tenants.flatMap((tenant, index) =>
    (tenant.agents ?? []).flatMap((id, position): readonly Warning[] => {
      const agent = agentOf.get(id);
      if (agent === undefined || mayCall(tenant, agent)) return [];
      const message = `the agent "${id}" names its tenants and this is not one of them, so it may not be called`;
      return [{ path: ['tenants', index, 'agents', position], message }];
    }),
  );
  const nobody = document.policies.some((policy) => policy.enabled && policy.effect === 'allow')
    ? []
    : [{ path: ['policies'], message: 'no enabled policy allows anything: every call is denied' }];
  const noTenant = document.tenants.length > 0 ? [] : [NO_TENANT];
  return [...contradictions, ...noTenant, ...nobody];
}

const NO_TENANT: Warning = {
  path: ['tenants'],
  message: 'there is no tenant: every call is refused',
};

function budgetWarnings(document: ConfigurationDocument): readonly Warning[] {
  return document.budgets.flatMap((budget, index): readonly Warning[] => {
    const path = ['budgets', index] as const;
    const warnings: Warning[] = [];
    if (Object.keys(budget.caps).length === 0) {
      const message = 'caps nothing: spend is only tracked; say `cost_usd: null` if that is meant';
      warnings.push({ path: [...path, 'caps'], message });
    }
    if (budget.warn_at !== undefined && budget.warn_at > (budget.degrade_at ?? Infinity)) {
      const message = 'is above degrade_at, so that answers degrade before they warn';
      warnings.push({ path: [...path, 'warn_at'], message });
    }
    return warnings;
  });
}

function unpricedProviders(document: ConfigurationDocument): readonly Warning[] {
  const priced = { ...DEFAULT_PRICES.platforms, ...document.prices.platforms };
  return document.agents.flatMap(({ provider }, index): readonly Warning[] => {
    if (Object.hasOwn(priced, provider)) return [];
    const message = `prices.platforms has no "${provider}", so that its calls are priced as "other"`;
    return [{ path: ['agents', index, 'provider'], message }];
  });
}

function broadExemptions(document: ConfigurationDocument, nowMs: number): readonly Warning[] {
  return document.exemptions.flatMap((exemption, index): readonly Warning[] => {
    const path = ['exemptions', index] as const;
    const warnings: Warning[] = [];
    if (Object.keys(exemption.match).length === 0) {
      warnings.push({ path: [...path, 'match'], message: 'matches every call of every tenant' });
    }
    if (exemption.until !== undefined && exemption.until <= nowMs) {
      warnings.push({ path: [...path, 'until'], message: 'is over; it exempts nobody any more' });
    }
    return warnings;
  });
}
