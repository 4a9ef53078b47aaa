#!/usr/bin/env node
// Finds the program for this platform, which is an optional dependency, and becomes it.
//
// Where Node can replace itself (22.15, 23.11 and newer, not on Windows) nothing of it is left:
// signals, the terminal and the exit code are the program's own. Elsewhere it waits, passes every
// signal on and ends as the program ended.
'use strict'

const PACKAGE = '@cofferdam/cli-'
const PREREQUISITE = 2 // the exit code of a missing prerequisite, as the program has it

function find(name) {
  const program = name.startsWith('win32-') ? 'cofferdam.exe' : 'cofferdam'
  try {
    return require.resolve(`${PACKAGE}${name}/bin/${program}`)
  } catch {
    return undefined
  }
}

// Slow, so asked only where it matters.
function isMusl() {
  process.report.excludeNetwork = true
  return !process.report.getReport().header.glibcVersionRuntime
}

// Installers that do not know `libc` bring the packages of both; the one with musl may be static
// and run everywhere, but not the other way round.
function findHere(base) {
  const glibc = find(base)
  const musl = process.platform === 'linux' ? find(`${base}-musl`) : undefined
  return glibc && musl ? (isMusl() ? musl : glibc) : glibc || musl
}

function fail(message, hints) {
  const lines = hints.map((hint) => `hint: ${hint}\n`)
  process.stderr.write(`error: ${message}\n${lines.join('')}`)
  process.exitCode = PREREQUISITE
}

function failMissing(base) {
  const { optionalDependencies = {} } = require('../package.json')
  const names = Object.keys(optionalDependencies).map((name) => name.slice(PACKAGE.length))
  const fits = names.filter((name) => name === base || name === `${base}-musl`)
  if (fits.length === 0) {
    return fail(`there is no package of cofferdam for ${base}; there are for ${names.join(', ')}`, [
      'build it from source with cargo: it then runs as `cofferdam`, without Node',
    ])
  }
  const wanted = `${PACKAGE}${fits.length > 1 && isMusl() ? `${base}-musl` : fits[0]}`
  const strangers = names.filter((name) => !fits.includes(name) && find(name))
  if (strangers.length > 0) {
    return fail(`cofferdam was installed for ${strangers.join(', ')}, and this is ${base}: ${wanted} is missing`, [
      'node_modules came from another platform; install here instead of copying it (in a Dockerfile: .dockerignore)',
    ])
  }
  fail(`cofferdam's program for ${base} is missing: the package ${wanted} is not installed`, [
    'it is an optional dependency: install again without --no-optional, --omit=optional or `omit=optional` in .npmrc',
    `if the lock file was written on another platform and leaves it out, run \`npm install ${wanted}\` or write it anew`,
  ])
}

// For Node that cannot replace itself. A signal that the terminal has sent to the program as well
// arrives there a second time, as it does from npm; the program counts both as one. On Windows the
// console itself asks every program on it, and to pass a signal on would end ours at once, in the
// middle of a step.
function runBeside(program, args) {
  const { constants } = require('node:os')
  const child = require('node:child_process').spawn(program, args, { stdio: 'inherit' })
  const passOn = process.platform === 'win32' ? () => {} : (signal) => child.kill(signal)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'].filter((name) => name in constants.signals)
  for (const signal of signals) process.on(signal, passOn)
  child.on('error', (error) => fail(`cannot start ${program}: ${error.message}`, ['install cofferdam again']))
  child.on('exit', (code, signal) => {
    for (const name of signals) process.removeListener(name, passOn)
    if (signal) process.kill(process.pid, signal)
    else process.exitCode = code
  })
}

function run(program, args) {
  if (process.execve && process.platform !== 'win32') {
    try {
      // Early versions abort where they should throw.
      require('node:fs').accessSync(program, require('node:fs').constants.X_OK)
      process.execve(program, [program, ...args], process.env)
    } catch {
      // The other way tells what is wrong.
    }
  }
  runBeside(program, args)
}

const base = `${process.platform}-${process.arch}`
const program = findHere(base)
if (program) run(program, process.argv.slice(2))
else failMissing(base)
