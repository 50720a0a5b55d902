# SPDX-License-Identifier: GPL-2.0-only
"""roles - services by executable, port and role, and what they did between two snapshots."""
from .snapshot import Books, check_books, check_dist, is_at, lost
from .wait import wait_until

TIMES = ('duration', 'ttfb', 'queue')


def find(document, role, port, name=None):
    """All services of a role at a port, of one executable where it is given."""
    return [item for item in document['services']
            if item['role'] == role and is_at(item, port) and name in (None, item['name'])]


def did(after, before, role, port, name):
    """Books of the one such service; none is as good as one that did nothing."""
    def one(document):
        found = find(document, role, port, name)
        if len(found) > 1:
            raise AssertionError(f'{len(found)} {role} services {name}:{port}')
        return found[0] if found else None
    return Books(one(after), one(before) if before else None)


def check_roles(document):
    """What must hold in each role, in the total and for each service."""
    for role, total in document['totals']['http'].items():
        check_books(total, f'totals {role}')
        for metric in TIMES:
            check_dist(total[metric], f'totals {role} {metric}')
        if lost(document, 'services'):
            continue
        listed = [item for item in document['services'] if item['role'] == role]
        for key in ('requests', 'responses', 'upgrades', 'aborted', 'in_flight', 'untimed', 'request_bytes', 'response_bytes'):
            got = sum(item[key] for item in listed)
            if got != total[key]:
                raise AssertionError(f'{key} of {role}: {got} over all services, {total[key]} in the total')


def await_books(rq, condition, what, limit_s=8):
    """Waits until condition(snapshot) returns something that is true, and a settled snapshot still does; returns it and
    that snapshot. condition raises AssertionError, or returns None, while it isn't so."""
    why = ['']

    def met():
        try:
            return condition(rq.snapshot())
        except AssertionError as error:
            why[0] = str(error)
            return None
    try:
        wait_until(met, limit_s, what)
    except AssertionError as error:
        full = lost(rq.snapshot(), 'services')
        more = f' ({full} connections of this host found no service of their own)' if full else ''
        raise AssertionError(f'{error}: {why[0]}{more}') from None
    after = rq.settled()
    check_roles(after)
    return condition(after), after
