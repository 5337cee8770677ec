#!/usr/bin/env node
// Before any other module is loaded: only then do stack traces name its TypeScript file and line.
process.setSourceMapsEnabled(true);
await import('./program.js');
