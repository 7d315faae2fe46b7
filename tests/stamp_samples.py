"""Lines as programs write them, and their moments, worked out by hand.

A moment without a zone was written so, and is meant to be in UTC; one without a
year begins with a dash. Second stamps of a line are those of the application.
"""

from __future__ import annotations

__all__ = ["SAMPLES"]

SAMPLES: tuple[tuple[str, bytes, str], ...] = (
    (
        "iso T Z",
        b"2015-10-18T18:01:47Z a",
        "2015-10-18T18:01:47",
    ),
    (
        "hadoop",
        b"2015-10-18 18:01:47,978 INFO [main] x",
        "2015-10-18T18:01:47.978",
    ),
    (
        "apache",
        b"[Sun Dec 04 04:47:44 2005] [notice] x",
        "2005-12-04T04:47:44",
    ),
    (
        "apache24",
        b"[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] x",
        "2011-09-09T10:42:29.902022",
    ),
    (
        "clf",
        b'127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326',
        "2000-10-10T20:55:36",
    ),
    (
        "nginx error",
        b"2026/11/23 08:00:00 [error] 1234#0: *1 open() failed",
        "2026-11-23T08:00:00",
    ),
    (
        "5424",
        b"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time",
        "2003-08-24T12:14:15.000003",
    ),
    (
        "hdfs",
        b"081109 203615 148 INFO dfs.DataNode$PacketResponder: x",
        "2008-11-09T20:36:15",
    ),
    (
        "spark",
        b"17/06/09 20:10:40 INFO executor x",
        "2017-06-09T20:10:40",
    ),
    (
        "healthapp",
        b"20171223-22:15:29:606|Step_LSC|30002312|onStandStepChanged 3579",
        "2017-12-23T22:15:29.606",
    ),
    (
        "healthapp2",
        b"20171224-0:7:20:44|Step_LSC|30002312|onStandStepChanged 3579",
        "2017-12-24T00:07:20.044",
    ),
    (
        "bgl",
        b"- 1117838570 2005.06.03 R02-M1-N0-C:J12-U11 2005-06-03-15.42.50.675872 R02 RAS KERNEL",
        "2005-06-03T15:42:50.675872",
    ),
    (
        "pg",
        b"2026-11-23 08:00:00.123 CET [1234] LOG:  database system is ready",
        "2026-11-23T07:00:00.123",
    ),
    (
        "pg2",
        b"2026-11-23 08:00:00 PDT [1234]: [1-1] user=x LOG:  foo",
        "2026-11-23T15:00:00",
    ),
    (
        "pg3",
        b"2026-11-23 08:00:00.123 -03 [1234] LOG:  foo",
        "2026-11-23T11:00:00.123",
    ),
    (
        "mysql8",
        b"2026-11-23T08:00:00.123456Z 0 [System] [MY-010116] [Server] x",
        "2026-11-23T08:00:00.123456",
    ),
    (
        "mysql5",
        b"091123  8:00:00 [Note] x",
        "2009-11-23T08:00:00",
    ),
    (
        "mongo text",
        b"2014-11-03T18:28:32.450-0500 I NETWORK [initandlisten] waiting",
        "2014-11-03T23:28:32.450",
    ),
    (
        "mongo json",
        b'{"t":{"$date":"2020-05-01T15:16:17.180+00:00"},"s":"I",  "c":"NETWORK"}',
        "2020-05-01T15:16:17.180",
    ),
    (
        "redis",
        b"12345:M 23 Nov 2026 08:00:00.123 * Ready to accept connections",
        "2026-11-23T08:00:00.123",
    ),
    (
        "haproxy bare",
        b"haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in s/srv1 200 2750",
        "2009-02-06T12:14:14.655",
    ),
    (
        "caddy",
        b'{"level":"info","ts":1646861401.5241024,"msg":"handled request"}',
        "2022-03-09T21:30:01.524102400",
    ),
    (
        "audit",
        b"type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=2",
        "2013-03-28T14:36:03.243",
    ),
    (
        "docker",
        b'{"log":"2020-01-01 00:00:00 a\\n","stream":"x","time":"2026-11-23T08:00:00.123456789Z"}',
        "2026-11-23T08:00:00.123456789",
    ),
    (
        "cri",
        b"2016-10-06T00:17:09.669794202Z stdout F 2016-10-06 00:17:09,669 The content",
        "2016-10-06T00:17:09.669794202",
    ),
    (
        "journald",
        b'{"__CURSOR":"s=1;i=2","_HOSTNAME":"x","__REALTIME_TIMESTAMP":"1364481363243123","MESSAGE":"hi"}',
        "2013-03-28T14:36:03.243123",
    ),
    (
        "short-iso",
        b"2026-11-23T08:00:00+0100 host sshd[1]: x",
        "2026-11-23T07:00:00",
    ),
    (
        "iis",
        b"2002-05-02 17:42:15 172.22.255.255 - 172.30.255.255 80 GET /images/picture.jpg - 200",
        "2002-05-02T17:42:15",
    ),
    (
        "cloudfront",
        b"2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\tGET",
        "2019-12-04T21:02:31",
    ),
    (
        "uwsgi",
        b"[pid: 12345|app: 0|req: 1/1] 127.0.0.1 () {28 vars} [Fri Dec  4 04:47:44 2015] GET /",
        "2015-12-04T04:47:44",
    ),
    (
        "rails",
        b"I, [2026-11-23T08:00:00.123456 #1234]  INFO -- : Started",
        "2026-11-23T08:00:00.123456",
    ),
    (
        "rails2",
        b'Started GET "/" for 127.0.0.1 at 2012-03-10 14:28:14 +0100',
        "2012-03-10T13:28:14",
    ),
    (
        "laravel",
        b"[2026-11-23 08:00:00] local.ERROR: x",
        "2026-11-23T08:00:00",
    ),
    (
        "go",
        b"2009/11/10 23:00:00.123456 main.go:3: hello",
        "2009-11-10T23:00:00.123456",
    ),
    (
        "zap",
        b'{"level":"info","ts":1646861401.5,"caller":"a.go:1","msg":"x"}',
        "2022-03-09T21:30:01.5",
    ),
    (
        "zerolog",
        b'{"level":"debug","time":1516134303,"message":"hello"}',
        "2018-01-16T20:25:03",
    ),
    (
        "slog",
        b'{"time":"2026-11-23T08:00:00.123456789+01:00","level":"INFO","msg":"x"}',
        "2026-11-23T07:00:00.123456789",
    ),
    (
        "bunyan",
        b'{"name":"myapp","hostname":"banana","pid":1,"level":30,"msg":"hi","time":"2013-01-04T18:46:23.851Z","v":0}',
        "2013-01-04T18:46:23.851",
    ),
    (
        "pino",
        b'{"level":30,"time":1531171074631,"pid":657,"hostname":"x","msg":"hello"}',
        "2018-07-09T21:17:54.631",
    ),
    (
        "logfmt ts",
        b"level=info ts=2026-11-23T08:00:00.123Z caller=main.go:1 msg=x",
        "2026-11-23T08:00:00.123",
    ),
    (
        "logrus",
        b'time="2026-11-23T08:00:00+01:00" level=info msg="x"',
        "2026-11-23T07:00:00",
    ),
    (
        "slog text",
        b"time=2026-11-23T08:00:00.123+01:00 level=INFO msg=x",
        "2026-11-23T07:00:00.123",
    ),
    (
        "logfmt epoch",
        b"ts=1646861401.52 level=info msg=x",
        "2022-03-09T21:30:01.52",
    ),
    (
        "epoch",
        b"1286536309.450    180 192.168.0.224 TCP_MISS/200 411 GET http",
        "2010-10-08T11:11:49.450",
    ),
    (
        "epoch_us",
        b"1286536309450123 x",
        "2010-10-08T11:11:49.450123",
    ),
    (
        "epoch_ns",
        b"1286536309450123456 x",
        "2010-10-08T11:11:49.450123456",
    ),
    (
        "epoch_ms frac",
        b"1286536309450.123 x",
        "2010-10-08T11:11:49.450123",
    ),
    (
        "tai",
        b"@4000000052f7d9c51e2a3b4c starting",
        "2014-02-09T19:40:43.506084172",
    ),
    (
        "us ampm",
        b"11/23/2026 8:00:00 PM Information x",
        "2026-11-23T20:00:00",
    ),
    (
        "us ampm2",
        b"11/23/2026 12:05:00 AM Information x",
        "2026-11-23T00:05:00",
    ),
    (
        "de",
        b"23.11.2026 08:00:00 x",
        "2026-11-23T08:00:00",
    ),
    (
        "jul",
        b"Nov 23, 2026 8:00:00 AM org.example.Main main",
        "2026-11-23T08:00:00",
    ),
    (
        "tomcat",
        b"23-Nov-2026 08:00:00.123 INFO [main] x",
        "2026-11-23T08:00:00.123",
    ),
    (
        "php",
        b"[23-Nov-2026 08:00:00 UTC] PHP Warning: x",
        "2026-11-23T08:00:00",
    ),
    (
        "mac install",
        b"2020-01-01 08:00:00-08 localhost softwareupdated[1]: x",
        "2020-01-01T16:00:00",
    ),
    (
        "mac unified",
        b"2026-11-23 08:00:00.123456-0800 0x1a2b     Default     0x0 x",
        "2026-11-23T16:00:00.123456",
    ),
    (
        "date",
        b"Mon Nov 23 08:00:00 PST 2026 backup done",
        "2026-11-23T16:00:00",
    ),
    (
        "openstack",
        b"nova-api.log.1.2017-05-16_13:53:08 2017-05-16 00:00:00.008 25746 INFO nova",
        "2017-05-16T00:00:00.008",
    ),
    (
        "windows cbs",
        b"2016-09-28 04:30:30, Info                  CBS    Loaded",
        "2016-09-28T04:30:30",
    ),
    (
        "cassandra",
        b"INFO  [main] 2026-11-23 08:00:00,123 Foo.java:12 - x",
        "2026-11-23T08:00:00.123",
    ),
    (
        "k8s prefix",
        b"[pod/web-1/app] 2026-11-23T08:00:00.5Z x",
        "2026-11-23T08:00:00.5",
    ),
    (
        "bind",
        b"23-Nov-2026 08:00:00.123 queries: info: client",
        "2026-11-23T08:00:00.123",
    ),
    (
        "serilog",
        b"2026-11-23 08:00:00.123 +01:00 [INF] x",
        "2026-11-23T07:00:00.123",
    ),
    (
        "mail",
        b"Date: Mon, 23 Nov 2026 08:00:00 +0100",
        "2026-11-23T07:00:00",
    ),
    (
        "rfc850",
        b"x Monday, 23-Nov-26 08:00:00 GMT",
        "2026-11-23T08:00:00",
    ),
    (
        "nagios",
        b"[1286536309] SERVICE ALERT: x",
        "2010-10-08T11:11:49",
    ),
    (
        "cloudtrail",
        b'{"eventVersion":"1.08","eventTime":"2026-11-23T08:00:00Z","eventName":"x"}',
        "2026-11-23T08:00:00",
    ),
    (
        "logstash",
        b'{"@timestamp":"2026-11-23T08:00:00.123Z","message":"time is 2020-01-01T00:00:00Z"}',
        "2026-11-23T08:00:00.123",
    ),
    (
        "java json",
        b'{"timeMillis":1493121664118,"thread":"main","level":"INFO"}',
        "2017-04-25T12:01:04.118",
    ),
    (
        "py json",
        b'{"asctime": "2026-11-23 08:00:00,123", "levelname": "INFO"}',
        "2026-11-23T08:00:00.123",
    ),
    (
        "suricata",
        b"11/23/2026-08:00:00.123456  [**] [1:2]",
        "2026-11-23T08:00:00.123456",
    ),
    (
        "asa",
        b"Nov 23 2026 08:00:00: %ASA-6-302013: x",
        "2026-11-23T08:00:00",
    ),
    (
        "weblogic",
        b"####<Nov 23, 2026 8:00:00 AM CET> <Info> <x>",
        "2026-11-23T07:00:00",
    ),
    (
        "svlogd",
        b"2026-11-23_08:00:00.12345 x",
        "2026-11-23T08:00:00.12345",
    ),
    (
        "basic",
        b"20151018T180147Z x",
        "2015-10-18T18:01:47",
    ),
    (
        "compact date",
        b"20151018 18:01:47.5 x",
        "2015-10-18T18:01:47.5",
    ),
    (
        "glog y",
        b"I20261123 08:00:00.123456 1234 f.cc:1] x",
        "2026-11-23T08:00:00.123456",
    ),
    (
        "syslog",
        b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
        "-10-11T22:14:15",
    ),
    (
        "linux",
        b"Jun 14 15:16:01 combo sshd(pam_unix)[19939]: x",
        "-06-14T15:16:01",
    ),
    (
        "proxifier",
        b"[10.30 16:49:06] chrome.exe - x",
        "-10-30T16:49:06",
    ),
    (
        "android",
        b"03-17 16:13:38.811  1702  2395 D WindowManager: x",
        "-03-17T16:13:38.811",
    ),
    (
        "glog",
        b"I1123 08:00:00.123456    1234 file.cc:12] x",
        "-11-23T08:00:00.123456",
    ),
    (
        "thunderbird",
        b"- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond(pam_unix)[2915]: x",
        "2005-11-09T20:01:01",
    ),
    (
        "haproxy",
        b"Feb  6 12:14:14 host haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] x",
        "-02-06T12:14:14",
    ),
    (
        "mac wifi",
        b"Wed Nov  4 08:00:00.123 <airportd[66]> x",
        "-11-04T08:00:00.123",
    ),
    (
        "cisco",
        b"*Mar  1 00:00:12.345: %SYS-5-CONFIG_I: x",
        "-03-01T00:00:12.345",
    ),
)
"""What writes it, a line, and the moment of its stamp."""
