# SPDX-License-Identifier: GPL-2.0-only
"""snapshot - reading a snapshot: its schema, its books, its services, and the difference of two."""
import json
import os

import jsonschema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
COUNTS = ('requests', 'responses', 'upgrades', 'aborted', 'in_flight', 'errors', 'untimed', 'request_bytes',
          'response_bytes')
SPLIT = ('count', 'queued_ns', 'cpu_wait_ns', 'on_cpu_ns', 'blocked_ns', 'shared', 'unknown')

_validator = None


KINDS = {int, float, type(None), list}


def cut(value):
    """The same with the ends of long arrays only, whose items are all numbers, null or arrays: a validator in Python
    takes seconds for the many thousand numbers of a history."""
    if isinstance(value, dict):
        return {key: cut(item) for key, item in value.items()}
    if not isinstance(value, list) or len(value) <= 8:
        return value
    if not set(map(type, value)) <= KINDS:
        raise AssertionError(f'an array of the history holds {set(map(type, value)) - KINDS}')
    return value[:4] + value[-4:]


def check_schema(document):
    """Against the JSON Schema kept with the project."""
    global _validator
    if _validator is None:
        with open(os.path.join(ROOT, 'docs', 'snapshot.schema.json'), encoding='utf-8') as file:
            schema = json.load(file)
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
        _validator = kind(schema)
    error = jsonschema.exceptions.best_match(_validator.iter_errors({**document, 'history': cut(document.get('history'))}))
    if error:
        raise AssertionError(f'snapshot breaks its schema at {error.json_path}: {error.message[:300]}')


def check_books(books, where):
    """requests = responses + upgrades + aborted + in_flight, and every response has one status."""
    ends = books['responses'] + books['upgrades'] + books['aborted'] + books['in_flight']
    if books['requests'] != ends:
        raise AssertionError(f'{where}: {books["requests"]} requests, but {ends} = {books["responses"]} responses + '
                             f'{books["upgrades"]} upgrades + {books["aborted"]} aborted + {books["in_flight"]} in flight')
    coded = sum(books['status'].values())
    if coded != books['responses']:
        raise AssertionError(f'{where}: {books["responses"]} responses, but {coded} by status')
    if books['in_flight'] < 0:
        raise AssertionError(f'{where}: {books["in_flight"]} in flight')


def check_dist(dist, where):
    """Percentiles don't fall, and lie between minimum and maximum."""
    if not dist['count']:
        return
    chain = [dist[key] for key in ('min_ns', 'p50_ns', 'p90_ns', 'p99_ns', 'p999_ns', 'max_ns')]
    if any(low > high for low, high in zip(chain, chain[1:])):
        raise AssertionError(f'{where}: min, p50, p90, p99, p99.9, max are not in order: {chain}')
    if not dist['min_ns'] * dist['count'] <= dist['sum_ns'] <= dist['max_ns'] * dist['count']:
        raise AssertionError(f'{where}: sum does not fit count, minimum and maximum')


def check_routes(service, where):
    """What routes did is what their service did; each is told once."""
    for key in ('requests', 'responses', 'errors'):
        listed = sum(route[key] for route in service['routes'])
        if listed != service[key]:
            raise AssertionError(f'{where}: {service[key]} {key}, but {listed} over all routes')
    names = [(route['method'], route['path']) for route in service['routes']]
    if len(set(names)) != len(names):
        raise AssertionError(f'{where}: a route is told twice')
    for route in service['routes']:
        check_dist(route['duration'], f'{where} {route["method"]} {route["path"]}')


def check_snapshot(document):
    """Everything that must hold in any snapshot at any time."""
    check_schema(document)
    server = document['totals']['http'].get('server')
    services = [item for item in document['services'] if item['role'] == 'server']
    if server:
        check_books(server, 'totals')
        for metric in ('duration', 'ttfb', 'queue'):
            check_dist(server[metric], f'totals {metric}')
            if server[metric]['count'] + server['untimed'] > server['requests']:
                raise AssertionError(f'totals: {server[metric]["count"]} {metric} + {server["untimed"]} untimed '
                                     f'> {server["requests"]} requests')
        listed = sum(item['requests'] for item in services)
        if not document['coverage']['lost'].get('services') and listed != server['requests']:
            raise AssertionError(f'services have {listed} requests, totals {server["requests"]}')
    for item in services:
        where = f'service {item["name"]}:{item["path"] or item["port"]}'
        check_books(item, where)
        check_dist(item['duration'], where)
        errors = sum(count for code, count in item['status'].items() if code.startswith('5'))
        if 'routes' in item:
            check_routes(item, where)
        if item['errors'] != errors:
            raise AssertionError(f'{where}: {item["errors"]} errors, but {errors} responses are 5xx')
    if 'runqueue' in document['totals']:
        check_dist(document['totals']['runqueue']['latency'], 'run queue')


def is_at(service, port):
    """Whether it is the service of a port: a number, or the path of a Unix socket."""
    return service['path' if isinstance(port, str) else 'port'] == port


def services_at(document, port):
    return [item for item in document['services'] if is_at(item, port) and item['role'] == 'server']


def service_at(document, port):
    """The one service at a port, or None."""
    found = services_at(document, port)
    if len(found) > 1:
        raise AssertionError(f'{len(found)} services at port {port}: {[item["name"] for item in found]}')
    return found[0] if found else None


class Books:
    """What one service did between two snapshots (or since attaching); attributes named as in the contract."""

    def __init__(self, after, before=None):
        after, before = after or {}, before or {}
        for name in COUNTS:
            setattr(self, name, after.get(name, 0) - before.get(name, 0))
        old = before.get('status', {})
        self.status = {int(code) if code.isdigit() else 0: count - old.get(code, 0) for code, count in after.get('status', {}).items()
                       if count != old.get(code, 0)}

    def line(self):
        return (f'{self.requests} requests, {self.responses} responses, {self.upgrades} upgrades, '
                f'{self.aborted} aborted, {self.in_flight} in flight, status {self.status}')


def split_of(service):
    return {name: service['split'][name] for name in SPLIT}


def lost(document, name):
    return document['coverage']['lost'].get(name, 0)
