# The base is an argument, so that a mirror or another Node (20, 24, -alpine) fits without an edit.
ARG NODE_IMAGE=node:22-slim@sha256:83f487e0a63425e5b4d146fb5e5be574bcbe1b7b843d3ebafdd95eaf7767a7e5

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund --ignore-scripts
COPY tsconfig.json ./
COPY scripts ./scripts
COPY src ./src
RUN npm run build

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="haproxy-nomad-connector" \
      org.opencontainers.image.description="Keeps HAProxy in line with HashiCorp Nomad's service catalog through the HAProxy Data Plane API" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# One arena of glibc's malloc, instead of eight per core: 15 MB less.
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
WORKDIR /app
COPY --from=build /app/package.json ./
# The packages that it uses are inside.
COPY --from=build /app/dist ./dist

# Nothing is ever written to disk: `docker run --read-only --cap-drop ALL` is enough for it. A number
# rather than a name, so that an orchestrator can tell that it isn't root.
USER 65532:65532

# The connector listens on 127.0.0.1:8080, in a container too: with host networking that is the host's.
# To publish the port, say so: `docker run --publish 127.0.0.1:8080:8080 IMAGE --http-listen :8080`.
EXPOSE 8080
# HEALTHCHECK_URL follows where `http.listen` is set to something else; with `off`, use --no-healthcheck.
ENV HEALTHCHECK_URL=http://127.0.0.1:8080/health
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.HEALTHCHECK_URL).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

ENTRYPOINT ["node", "dist/main.js"]
