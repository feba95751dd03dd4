#!/usr/bin/env python3
"""Attack a server on loopback, and ask for tiles beside the attack.

    server.py --orthotile BIN --store STORE [--full]

Starts a fresh server for each attack, holds the attack for some seconds, and meanwhile asks for vector tiles on a
connection of its own. An attack is survived when every tile comes within a second, byte for byte as it came before the
attack, and when the memory of the server stays within its bound. Prints one row per attack; exits with 1 if one is not
survived. Connections and time are bounded; nothing but 127.0.0.1 is contacted. The short form takes about a minute.
"""
import argparse
import asyncio
import hashlib
import http.client
import json
import math
import os
import re
import resource
import select
import signal
import subprocess
import sys
import time

# What a server may take on top of what it takes after it has opened the map and served some tiles, in MiB: 512 of caches,
# 64 GeoJSON answers of at most 1 MiB, and at most 48 KiB for each of at most 8192 connections.
BOUND_MIB = 512 + 64 + 384
SLOWEST_S = 1.0


class Server:
    """A server process, its address and its tiles."""

    def __init__(self, args, name, files=None, more=()):
        self.args, self.name, self.files = args, name, files
        self.more = list(more)

    async def __aenter__(self):
        def limit():
            if self.files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))

        command = [self.args.orthotile, 'serve', '--store', self.args.store, '--listen', '127.0.0.1:0', *self.more]
        self.log = open(os.path.join(self.args.logs, f'{self.name}.log'), 'w+')
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, preexec_fn=limit)
        try:
            await self.wait()
            await self.choose()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            for _ in range(150):
                if self.process.poll() is not None:
                    break
                await asyncio.sleep(0.1)
            else:
                self.process.kill()
        self.process.wait()
        self.log.close()

    async def wait(self):
        end = time.monotonic() + 300
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise SystemExit(f'the server ended: {self.text()}')
            found = re.search(r'http://127\.0\.0\.1:(\d+)', self.text())
            if found:
                self.port = int(found.group(1))
                try:
                    status, _, _ = await self.get('/ready')
                    if status == 200:
                        return
                except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                    pass
            await asyncio.sleep(0.2)
        raise SystemExit('the server did not become ready within 300 s')

    async def choose(self):
        """The tiles in the middle of the map, at all zooms, as they are before the attack."""
        _, _, body = await self.get('/tiles.json')
        about = json.loads(body)
        west, south, east, north = about['bounds']
        lon, lat = (west + east) / 2, math.radians((south + north) / 2)
        self.tiles, self.bounds, self.zooms = [], about['bounds'], (about['minzoom'], about['maxzoom'])
        for zoom in range(about['minzoom'], about['maxzoom'] + 1):
            side = 2 ** zoom
            x, y = int((lon / 360 + 0.5) * side), int((0.5 - math.asinh(math.tan(lat)) / (2 * math.pi)) * side)
            self.tiles.append(f'/tiles/{zoom}/{x}/{y}.mvt')
        self.right = {}
        if self.args.right is None:
            for tile in self.tiles:
                status, _, body = await self.get(tile)
                assert status in (200, 204), f'{tile}: {status}'
                self.right[tile] = hashlib.sha256(body).hexdigest()
            self.args.right = self.right
        self.right = self.args.right

    def text(self):
        self.log.flush()
        with open(self.log.name) as log:
            return log.read()

    async def open(self):
        return await asyncio.wait_for(asyncio.open_connection('127.0.0.1', self.port), 10)

    async def get(self, path, timeout=30):
        """One request on a connection of its own: status, headers, body."""
        async def ask():
            reader, writer = await self.open()
            try:
                writer.write(request(path, 'Connection: close\r\n'))
                return await answer(reader)
            finally:
                writer.close()
        return await asyncio.wait_for(ask(), timeout)

    def rss_mib(self):
        with open(f'/proc/{self.process.pid}/status') as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith('VmRSS'))


def request(path, more=''):
    return f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n'.encode()


async def answer(reader):
    head = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1')
    status = int(head.split(' ', 2)[1])
    headers = dict(line.lower().split(': ', 1) for line in head.split('\r\n')[1:] if ': ' in line)
    if status in (204, 304):
        return status, headers, b''
    if headers.get('transfer-encoding') == 'chunked':
        body = b''
        while True:
            size = int((await reader.readline()).strip(), 16)
            chunk = await reader.readexactly(size + 2)
            body += chunk[:-2]
            if size == 0:
                return status, headers, body
    return status, headers, await reader.readexactly(int(headers.get('content-length', 0)))


class Attack:
    """Counts what was tried and what the bystander met."""

    def __init__(self):
        self.tried = self.refused = 0
        self.asked = self.bad = 0
        self.slowest = 0.0
        self.worst = ''
        self.writers = []

    async def connect(self, server, data):
        """A connection that sends something and then neither reads nor closes."""
        self.tried += 1
        try:
            reader, writer = await server.open()
            writer.transport.pause_reading()
            writer.write(data)
            self.writers.append(writer)
            return writer
        except (OSError, asyncio.TimeoutError):
            self.refused += 1
            return None

    def close(self):
        for writer in self.writers:
            writer.transport.abort()


def bystander():
    """Asks for tiles, a new connection each time, until its input ends: in a process of its own, so that it measures the
    server and not the attackers."""
    spec = json.loads(sys.stdin.readline())
    told = {'asked': 0, 'bad': 0, 'slowest': 0.0, 'worst': ''}
    while True:
        for tile, right in spec['right'].items():
            if select.select([sys.stdin], [], [], 0.02)[0]:
                print(json.dumps(told))
                return
            begun, what = time.monotonic(), ''
            told['asked'] += 1
            try:
                connection = http.client.HTTPConnection('127.0.0.1', spec['port'], timeout=10)
                connection.request('GET', tile, headers={'Connection': 'close'})
                response = connection.getresponse()
                body = response.read()
                connection.close()
                if response.status not in (200, 204):
                    what = f'{tile}: {response.status}'
                elif hashlib.sha256(body).hexdigest() != right:
                    what = f'{tile}: other bytes'
            except (OSError, http.client.HTTPException) as error:
                what = f'{tile}: {type(error).__name__}'
            taken = time.monotonic() - begun
            told['slowest'] = max(told['slowest'], taken)
            if not what and taken > SLOWEST_S:
                what = f'{tile}: {taken:.1f} s'
            if what:
                told['bad'] += 1
                told['worst'] = told['worst'] or what


async def unread_features(server, attack, count, until):
    """Clients that ask for all features and do not read."""
    for start in range(0, count, 100):
        await asyncio.gather(*(attack.connect(server, request('/features.geojson?limit=50000')) for _ in range(start, min(count, start + 100))))
    await asyncio.sleep(max(0, until - time.monotonic()))


async def idle(server, attack, count, until):
    """Half of a request, and nothing more."""
    for start in range(0, count, 100):
        await asyncio.gather(*(attack.connect(server, b'GET / HTTP/1.1\r\nHost: a\r\nX-') for _ in range(start, min(count, start + 100))))
    await asyncio.sleep(max(0, until - time.monotonic()))


async def listeners(server, attack, count, until):
    """Clients that listen to events."""
    for start in range(0, count, 100):
        await asyncio.gather(*(attack.connect(server, request('/events')) for _ in range(start, min(count, start + 100))))
    await asyncio.sleep(max(0, until - time.monotonic()))


async def endless_body(server, attack, count, until):
    """Bodies that never end: chunks as fast as they are taken, for at most 256 MiB."""
    chunk = b'10000\r\n' + b'x' * 0x10000 + b'\r\n'

    async def send():
        taken = 0
        while time.monotonic() < until and taken < 256 << 20:
            attack.tried += 1
            try:
                _, writer = await server.open()
            except (OSError, asyncio.TimeoutError):
                attack.refused += 1
                continue
            attack.writers.append(writer)
            writer.write(b'GET /tiles.json HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
            begun, own = time.monotonic(), 0
            try:
                while time.monotonic() < until and taken < 256 << 20:
                    writer.write(chunk)
                    await writer.drain()
                    taken, own = taken + len(chunk), own + len(chunk)
                    # A server that swallows what it refused for more than a few seconds is taken down by it.
                    if time.monotonic() - begun > 8 or own > 64 << 20:
                        attack.bad += 1
                        attack.worst = f'{own >> 20} MiB of a body were swallowed in {time.monotonic() - begun:.0f} s'
                        return
                    await asyncio.sleep(0)
            except OSError:
                await asyncio.sleep(0.05)
    await asyncio.gather(*(send() for _ in range(count)))


async def no_body(server, attack, count, until):
    """Bodies that never come: the connections are closed within seconds."""
    async def wait():
        attack.tried += 1
        reader, writer = await server.open()
        attack.writers.append(writer)
        writer.write(b'GET /tiles.json HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
        try:
            await asyncio.wait_for(reader.read(), 10)
        except asyncio.TimeoutError:
            attack.bad += 1
            attack.worst = 'open for 10 s'
        except OSError:
            pass
    await asyncio.gather(*(wait() for _ in range(count)))


async def keep_alive(server, attack, count, until):
    """Clients that ask for tiles as fast as they get them, of a server that has made none."""
    west, south, east, north = server.bounds
    paths = []
    for zoom in range(max(server.zooms[0], server.zooms[1] - 4), server.zooms[1] + 1):
        side = 2 ** zoom
        row = lambda lat: int((0.5 - math.asinh(math.tan(math.radians(lat))) / (2 * math.pi)) * side)
        for x in range(int((west / 360 + 0.5) * side), int((east / 360 + 0.5) * side) + 1):
            paths += [f'/tiles/{zoom}/{x}/{y}.mvt' for y in range(row(north), row(south) + 1)]

    async def client(number):
        place = number
        while time.monotonic() < until:
            try:
                reader, writer = await server.open()
                attack.writers.append(writer)
                while time.monotonic() < until:
                    path = paths[place % len(paths)]
                    place += 7
                    attack.tried += 1
                    writer.write(request(path))
                    status, _, body = await asyncio.wait_for(answer(reader), 30)
                    if status == 503:
                        attack.refused += 1
                        await asyncio.sleep(1)
                    elif status not in (200, 204) or path in server.right and hashlib.sha256(body).hexdigest() != server.right[path]:
                        attack.bad += 1
                        attack.worst = attack.worst or f'{path}: {status}'
                    await asyncio.sleep(0.25)  # this program is slower than the server
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                attack.refused += 1
                await asyncio.sleep(0.2)
    await asyncio.gather(*(client(number) for number in range(count)))


async def run(args, name, files, tamper, count, seconds):
    attack = Attack()
    async with Server(args, name.replace(' ', '-'), files) as server:
        before = server.rss_mib()
        peak = before
        begun = time.monotonic()
        beside = subprocess.Popen([sys.executable, __file__, '--beside'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        beside.stdin.write(json.dumps({'port': server.port, 'right': server.right}).encode() + b'\n')
        beside.stdin.flush()
        under_way = asyncio.create_task(tamper(server, attack, count, begun + seconds))
        # Twice, so that what goes on after the clients have left is seen too.
        while not under_way.done() and time.monotonic() < begun + seconds + 60:
            await asyncio.sleep(0.2)
            peak = max(peak, server.rss_mib())
        if under_way.done():
            under_way.result()
        else:
            under_way.cancel()
        attack.close()
        for _ in range(10):
            await asyncio.sleep(0.2)
            peak = max(peak, server.rss_mib())
        told = json.loads((await asyncio.to_thread(beside.communicate, timeout=60))[0])
        attack.asked, attack.slowest = told['asked'], told['slowest']
        attack.bad, attack.worst = attack.bad + told['bad'], attack.worst or told['worst']
        ended = server.process.poll()
        grown = peak - before
        good = attack.bad == 0 and ended is None and grown < BOUND_MIB and 'panicked' not in server.text()
        worst = attack.worst or ('' if ended is None else f'ended with {ended}')
        print(f'| {name} | {attack.tried} | {attack.refused} | {attack.asked} | {attack.bad} | {attack.slowest:.2f} | '
              f'{time.monotonic() - begun:.0f} | {before:.0f} | {peak:.0f} | {"ok" if good else "FAILED " + worst} |', flush=True)
        return good


async def main(args):
    full = args.full
    attacks = [
        ('features asked and not read', None, unread_features, 1500 if full else 300, 40 if full else 6),
        ('idle, 1024 files', 1024, idle, 1100, 35 if full else 5),
        ('listeners, 1024 files', 1024, listeners, 1100, 20 if full else 5),
        ('endless body', None, endless_body, 8 if full else 2, 20 if full else 6),
        ('body that never comes', None, no_body, 200 if full else 20, 10),
        ('keep-alive, cold', None, keep_alive, 2000 if full else 200, 30 if full else 6),
    ]
    print('| attack | tried | refused or cut | tiles beside it | bad | slowest (s) | time (s) | RSS before (MiB) | peak (MiB) | |')
    print('|---|---|---|---|---|---|---|---|---|---|')
    good = True
    for name, files, tamper, count, seconds in attacks:
        if not args.only or args.only in name:
            good &= await run(args, name, files, tamper, count, seconds)
    return 0 if good else 1


if __name__ == '__main__':
    if sys.argv[1:] == ['--beside']:
        bystander()
        sys.exit(0)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--orthotile', required=True, help='the program')
    parser.add_argument('--store', required=True, help='a store that is made completely')
    parser.add_argument('--full', action='store_true', help='as many clients as were seen to take servers down')
    parser.add_argument('--only', help='only attacks whose name contains this')
    parser.add_argument('--logs', default=None, help='folder for the logs of the servers')
    arguments = parser.parse_args()
    arguments.right = None
    if arguments.logs is None:
        import tempfile
        arguments.logs = tempfile.mkdtemp(prefix='orthotile-faults-')
    os.makedirs(arguments.logs, exist_ok=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sys.exit(asyncio.run(main(arguments)))
