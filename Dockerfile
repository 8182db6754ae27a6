# Builds the gateway as a container image: `docker build -t muster .`. docs/container.md explains how to run it.

FROM node:24-bookworm-slim AS build
WORKDIR /muster
# Installs the packages of bun.lock in a layer of their own: a change of the sources does not fetch them again.
COPY package.json bun.lock .npmrc ./
COPY scripts/setup.sh scripts/
RUN sh scripts/setup.sh
COPY tsconfig.json ./
COPY scripts scripts
COPY sql sql
COPY systemd systemd
COPY src src
RUN npm run build

# A smaller base does not work. PostgreSQL's initdb starts its programs with /bin/sh and needs a passwd entry for its user, which
# distroless images lack; its programs need libstdc++, which busybox:glibc lacks. glibc, libstdc++ and a busybox copied together do
# work (5 MB), but would get no security updates; this base gets those of Debian whenever the image is built.
FROM debian:12-slim
LABEL org.opencontainers.image.title="Muster" \
      org.opencontainers.image.description="Appliance gateway in one executable: heartbeats, inventories, backups and alerts, kept and compared." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# The id is fixed, so that an operator who mounts a directory knows its owner.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/muster --shell /usr/sbin/nologin muster \
    && install -d -o muster -g muster -m 0700 /var/lib/muster
COPY --from=build /muster/dist/muster /usr/local/bin/muster
# The container has interfaces of its own; only published ports can be reached from outside. The second port has no login: it is for
# Prometheus on the same network. Do not publish it.
ENV DATA_DIR=/var/lib/muster \
    LISTEN_ADDRESS=0.0.0.0:8081 \
    HEALTH_LISTEN_ADDRESS=0.0.0.0:8091
EXPOSE 8081 8091
VOLUME /var/lib/muster
USER 10001:10001
# Lets requests and jobs finish (SHUTDOWN_TIMEOUT), then stops PostgreSQL. That takes longer than the 10 s that engines allow by default.
STOPSIGNAL SIGTERM
# Asks whether the process is alive, not whether it is ready: a restart does not bring back a missing database.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/local/bin/muster", "health"]
ENTRYPOINT ["/usr/local/bin/muster"]
CMD ["serve"]
