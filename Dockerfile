ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /meshtap
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN ["npm", "run", "build"]

FROM node:${NODE_VERSION}-bookworm-slim AS dependencies
WORKDIR /meshtap
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev

FROM node:${NODE_VERSION}-bookworm-slim
WORKDIR /meshtap
COPY --from=dependencies /meshtap/node_modules node_modules
COPY --from=build /meshtap/dist dist
COPY mappings mappings
COPY package.json LICENSE deploy/docker/healthcheck.ts ./
RUN ["install", "--directory", "--owner=node", "--group=node", "/data"]
# Every role listens at its usual port, for other containers too.
ENV NODE_ENV=production \
    MESHTAP_LISTEN=0.0.0.0:8084 \
    MESHTAP_INGEST_LISTEN=0.0.0.0:4318 \
    MESHTAP_GRPC_LISTEN=0.0.0.0:4317 \
    MESHTAP_METRICS_LISTEN=0.0.0.0:9464 \
    MESHTAP_STATUS_LISTEN=0.0.0.0:9465 \
    MESHTAP_DATA=/data
VOLUME /data
USER 1000:1000
EXPOSE 8084 4317 4318 9464 9465
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=5 CMD ["node", "healthcheck.ts"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve"]
