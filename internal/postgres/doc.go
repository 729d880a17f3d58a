// Package postgres runs the private PostgreSQL of one data folder: it finds or
// fetches the programs, makes the cluster, starts it or adopts the one that
// already runs, and stops it when its last user leaves.
//
// A data folder holds:
//
//	cluster/    what initdb makes (PGDATA), with PostgreSQL's own log in cluster/log
//	run/        the unix socket, unless the path would be too long for one
//	state.json  port, socket folder and version of the last start; marks the folder as ours
//	password    of the role howdah for connections over loopback, mode 0600
//	lock        held (flock) by whoever starts or stops
//	users       held shared (flock) by every user for as long as it uses the server
//	start.log   what PostgreSQL said before its own log took over
//
// The life of a server as the users of one folder see it:
//
//	        Start                        Start: adopts
//	none ──────────► running, 1 user ◄──────────────► running, n users
//	  ▲                   │  Release: last one out stops it
//	  └───────────────────┘
//
// The kernel drops a flock when its process ends, however it ends. So a user
// that was killed counts no more, and the server it left behind is adopted by
// the next Start, which then also stops it.
//
// The superuser is called postgres and is reachable through the unix socket
// only. Everything else uses the role howdah, which owns the database howdah
// and may create roles and databases, nothing more.
package postgres
